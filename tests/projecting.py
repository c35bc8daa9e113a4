"""A real embedder without a network: an 8 x 8 thumbnail, centred, projected to any dimension.

It needs nothing but numpy, so child processes start quickly; crops are 32 x 32, so databases build quickly.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from cardscanner.manifest import FileEntry, InputSpec, ModelManifest
from cardscanner.ports import ModelInfo
from cardscanner.records import Batch, Vectors

SIDE_PX = 32


class ProjectingEmbedder:
    """Unit vectors of ``dim`` values; ``pause_s`` makes every call slower."""

    def __init__(self, dim: int = 128, space: str | None = None, pause_s: float = 0.0) -> None:
        self.info = ModelInfo("projecting", "0" * 64, space or f"projecting-{dim}", SIDE_PX, SIDE_PX, dim)
        self.calls = 0
        self._pause_s = pause_s
        self._projection = np.random.default_rng(1).standard_normal((192, dim)).astype(np.float32)

    def embed(self, crops: Batch) -> Vectors:
        self.calls += 1
        if self._pause_s:
            time.sleep(self._pause_s)
        small = crops.reshape(len(crops), 8, 4, 8, 4, 3).astype(np.float32).mean(axis=(2, 4))
        flat = small.reshape(len(crops), -1)
        centred = flat - flat.mean(axis=1, keepdims=True) + 0.01
        vectors = centred @ self._projection
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    def telemetry(self) -> Mapping[str, float | str | bool]:
        return {}

    def close(self) -> None:
        pass


def projecting_manifest(embedder: ProjectingEmbedder) -> ModelManifest:
    """Return the manifest that a model folder with this embedder would have."""
    info = embedder.info
    return ModelManifest(
        name=info.name,
        version="1",
        space=info.space,
        input=InputSpec(height=info.height, width=info.width),
        dim=info.dim,
        files={"model.onnx": FileEntry(sha256=info.sha256, size=1)},
        licence="Apache-2.0",
        created="2026-11-22T00:00:00Z",
    )
