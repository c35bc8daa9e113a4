"""The embedder on the CPU, through ONNX Runtime: for machines without an accelerator.

Everything of one :class:`OnnxEmbedder` belongs to the thread that opened it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from cardscanner.config import OnnxConfig
from cardscanner.embed.arrays import check_crops, no_rows, unit_rows
from cardscanner.embed.model import open_model
from cardscanner.errors import ArtifactError, CardscannerError, EmbedderDead, EmbedderFailed
from cardscanner.ports import ModelInfo
from cardscanner.records import Batch, Vectors

_MOST_AT_ONCE = 4
"""Crops per call: memory grows with it, speed does not (small CNN on 2 cores: 48 MB at 4, 569 MB at 36)."""

# Status exceptions of ONNX Runtime share no base class; what its C++ throws otherwise is a RuntimeError.
ORT_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    *(kind for kind in vars(ort_state).values() if isinstance(kind, type) and issubclass(kind, Exception)),
)


def open_onnx(config: OnnxConfig) -> OnnxEmbedder:
    """Load ``model.onnx`` of a model folder.

    Raises
    ------
    ArtifactError
        The file is damaged, cannot be loaded, or is not the network that the manifest describes.
    """
    path, _, info = open_model(config.model, "model.onnx")
    advice = f"export it again or update ONNX Runtime (this is {onnxruntime.__version__})"
    with _translated(ArtifactError, f"{path} cannot be loaded", advice):
        session = onnxruntime.InferenceSession(
            str(path), sess_options=_options(config.threads), providers=["CPUExecutionProvider"]
        )
    _check_network(path, session, info)
    return OnnxEmbedder(info, session, config.threads)


class OnnxEmbedder:
    """Runs the network on the CPU, a few crops at a time."""

    def __init__(self, info: ModelInfo, session: Any, threads: int) -> None:
        self.info = info
        self._session = session
        self._threads = threads
        self._input = session.get_inputs()[0].name

    def embed(self, crops: Batch) -> Vectors:
        """Embed crops, see :class:`cardscanner.ports.Embedder`."""
        check_crops(crops, self.info)
        if self._session is None:
            raise EmbedderDead("the embedder was closed: open another one with load_embedder()")
        if len(crops) == 0:
            return no_rows(self.info)
        parts = [
            self._run(crops[start : start + _MOST_AT_ONCE]) for start in range(0, len(crops), _MOST_AT_ONCE)
        ]
        return unit_rows(np.concatenate(parts))

    def telemetry(self) -> Mapping[str, float | str | bool]:
        """Return what runs the network."""
        return {"backend": "onnx", "onnxruntime": onnxruntime.__version__, "threads": self._threads}

    def close(self) -> None:
        """Free the network."""
        self._session = None

    def _run(self, crops: Batch) -> NDArray[np.float32]:
        advice = "nothing is known about these crops; restart the program if it goes on"
        with _translated(EmbedderFailed, f"the network failed on {len(crops)} crops", advice):
            (values,) = self._session.run(None, {self._input: crops})
        return np.asarray(values, dtype=np.float32)


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle worker threads would spin for the next call, on cores that find cards and read the camera.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _check_network(path: Path, session: Any, info: ModelInfo) -> None:
    """Compare what the file takes and gives with what the manifest promises."""
    inputs = [_describe(each) for each in session.get_inputs()]
    outputs = [_describe(each) for each in session.get_outputs()]
    wanted_in = f"tensor(uint8) (any, {info.height}, {info.width}, 3)"
    wanted_out = f"tensor(float) (any, {info.dim})"
    if inputs == [wanted_in] and outputs == [wanted_out]:
        return
    raise ArtifactError(
        f"{path} takes {'; '.join(inputs)} and gives {'; '.join(outputs)}, but its manifest needs one input "
        f"{wanted_in} and one output {wanted_out}: export the model again "
        "(RGB uint8 NHWC in with a free batch size, normalisation inside) or correct the manifest"
    )


def _describe(edge: Any) -> str:
    sizes = ", ".join(str(size) if isinstance(size, int) else "any" for size in edge.shape)
    return f"{edge.type} ({sizes})"


@contextmanager
def _translated(kind: type[CardscannerError], what: str, advice: str) -> Iterator[None]:
    """Turn the errors of ONNX Runtime into one of ours."""
    try:
        yield
    except ORT_ERRORS as error:
        raise kind(f"{what}: ONNX Runtime says: {error}: {advice}") from error
