"""Tests marked `train` need torch, which only the extra `train` installs: `make test-train`.

A file that is marked as a whole imports torch at its top, so without torch it is not even collected.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

WHOLE_FILE = "pytestmark = pytest.mark.train"

collect_ignore = (
    []
    if find_spec("torch")
    else [
        path.name
        for path in Path(__file__).parent.glob("test_*.py")
        if WHOLE_FILE in path.read_text(encoding="utf-8")
    ]
)


@pytest.fixture(autouse=True)
def _a_new_accelerator_for_each_test():
    """Accelerate keeps the first precision of a process for good; each test is to choose its own."""
    yield
    if "accelerate" in sys.modules:
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state(reset_partial_state=True)
