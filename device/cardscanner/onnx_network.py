"""One network file run by ONNX Runtime on the CPU: the only file that knows ONNX Runtime.

Everything of one :class:`OnnxNetwork` belongs to the thread that opened it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from cardscanner.errors import ArtifactError, CardscannerError

VERSION: str = onnxruntime.__version__

# Status exceptions of ONNX Runtime share no base class; what its C++ throws otherwise is a RuntimeError.
ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    *(kind for kind in vars(ort_state).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)


class OnnxNetwork:
    """A network with one input and one output."""

    def __init__(self, path: Path, session: Any, failed: type[CardscannerError]) -> None:
        self._path = path
        self._session = session
        self._failed = failed
        self._input = session.get_inputs()[0].name
        self.inputs = [_describe(each) for each in session.get_inputs()]
        """``tensor(uint8) (any, 224, 224, 3)`` for each input."""
        self.outputs = [_describe(each) for each in session.get_outputs()]

    def __call__(self, values: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run the network; the error it was opened with when ONNX Runtime fails."""
        what = f"the network {self._path} failed on input {values.shape}"
        advice = "nothing is known about this input; restart the program if it goes on"
        with translated(self._failed, what, advice):
            (given,) = self._session.run(None, {self._input: values})
        return np.asarray(given, dtype=np.float32)


def open_network(path: Path, threads: int, failed: type[CardscannerError]) -> OnnxNetwork:
    """Load a verified network file; :class:`ArtifactError` when ONNX Runtime cannot.

    ``failed`` is what a call raises that goes wrong later.
    """
    advice = f"export it again or update ONNX Runtime (this is {VERSION})"
    with translated(ArtifactError, f"{path} cannot be loaded", advice):
        session = onnxruntime.InferenceSession(
            str(path), sess_options=_options(threads), providers=["CPUExecutionProvider"]
        )
    return OnnxNetwork(path, session, failed)


@contextmanager
def translated(kind: type[CardscannerError], what: str, advice: str) -> Iterator[None]:
    """Turn the errors of ONNX Runtime into one of ours."""
    try:
        yield
    except ORT_ERRORS as error:
        raise kind(f"{what}: ONNX Runtime says: {error}: {advice}") from error


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle worker threads would spin for the next call, on cores that find cards and read the camera.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _describe(edge: Any) -> str:
    sizes = ", ".join(str(size) if isinstance(size, int) else "any" for size in edge.shape)
    return f"{edge.type} ({sizes})"
