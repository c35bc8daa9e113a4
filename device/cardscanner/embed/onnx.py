"""The embedder on the CPU, through ONNX Runtime: for machines without an accelerator.

Everything of one :class:`OnnxEmbedder` belongs to the thread that opened it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cardscanner.config import OnnxConfig
from cardscanner.embed.arrays import check_crops, no_rows, unit_rows
from cardscanner.embed.model import open_model
from cardscanner.errors import ArtifactError, EmbedderDead, EmbedderFailed
from cardscanner.onnx_network import VERSION, OnnxNetwork, open_network
from cardscanner.ports import EmbedderHealth, ModelInfo
from cardscanner.records import Batch, Vectors

_MOST_AT_ONCE = 4
"""Crops per call: memory grows with it, speed does not (small CNN on 2 cores: 48 MB at 4, 569 MB at 36)."""


def open_onnx(config: OnnxConfig) -> OnnxEmbedder:
    """Load ``model.onnx`` of a model folder.

    Raises
    ------
    ArtifactError
        The file is damaged, cannot be loaded, or is not the network that the manifest describes.
    """
    path, _, info = open_model(config.model, "model.onnx")
    network = open_network(path, config.threads, EmbedderFailed)
    _check_network(path, network, info)
    return OnnxEmbedder(info, network, config.threads)


class OnnxEmbedder:
    """Runs the network on the CPU, a few crops at a time."""

    def __init__(self, info: ModelInfo, network: OnnxNetwork, threads: int) -> None:
        self.info = info
        self._network: OnnxNetwork | None = network
        self._threads = threads

    def embed(self, crops: Batch) -> Vectors:
        """Embed crops, see :class:`cardscanner.ports.Embedder`."""
        check_crops(crops, self.info)
        network = self._network
        if network is None:
            raise EmbedderDead("the embedder was closed: open another one with load_embedder()")
        if len(crops) == 0:
            return no_rows(self.info)
        parts = [
            network(crops[start : start + _MOST_AT_ONCE]) for start in range(0, len(crops), _MOST_AT_ONCE)
        ]
        return unit_rows(np.concatenate(parts))

    def telemetry(self) -> Mapping[str, float | str | bool]:
        """Return what runs the network."""
        return {"backend": "onnx", "onnxruntime": VERSION, "threads": self._threads}

    def attend(self) -> EmbedderHealth:
        """There is no accelerator to look after."""
        return EmbedderHealth("ok")

    def close(self) -> None:
        """Free the network."""
        self._network = None


def _check_network(path: Path, network: OnnxNetwork, info: ModelInfo) -> None:
    """Compare what the file takes and gives with what the manifest promises."""
    wanted_in = f"tensor(uint8) (any, {info.height}, {info.width}, 3)"
    wanted_out = f"tensor(float) (any, {info.dim})"
    if network.inputs == [wanted_in] and network.outputs == [wanted_out]:
        return
    raise ArtifactError(
        f"{path} takes {'; '.join(network.inputs)} and gives {'; '.join(network.outputs)}, "
        f"but its manifest needs one input {wanted_in} and one output {wanted_out}: export the model again "
        "(RGB uint8 NHWC in with a free batch size, normalisation inside) or correct the manifest"
    )
