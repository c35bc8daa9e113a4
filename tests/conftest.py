"""What every test starts from."""

import os
import signal
from collections.abc import Iterator

import pytest
import structlog

# Whatever starts the tests in the background may have told them to ignore Ctrl-C, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

if "PYTEST_XDIST_WORKER" in os.environ:
    # A worker for each core: threads of NumPy and OpenCV would only wait for each other, and waiting costs CPU.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(name, "1")


@pytest.fixture(autouse=True)
def _fresh_log() -> Iterator[None]:
    """A test that configures the log does so for itself only; its level decides what others could capture."""
    yield
    structlog.reset_defaults()
