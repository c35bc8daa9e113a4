"""From crops to unit vectors: one network, run by ONNX Runtime or by a Hailo chip."""

from __future__ import annotations

from cardscanner.config import EmbedderConfig
from cardscanner.errors import ConfigError
from cardscanner.ports import Embedder, LastingEmbedder


def load_embedder(config: EmbedderConfig) -> Embedder:
    """Open the embedder that the configuration names; its thread must be the one that calls this.

    Raises
    ------
    ArtifactError
        The model folder is incomplete, damaged, or not for this backend or chip.
    EmbedderDead
        The accelerator or its software cannot be used; the message says what to do.
    """
    match config.backend:
        case "onnx":
            from cardscanner.embed.onnx import open_onnx

            return open_onnx(config)
        case "hailo":
            from cardscanner.embed.hailo import open_hailo

            return open_hailo(config)
        case _:
            raise ConfigError(f"embedder.backend {config.backend!r} is unknown; allowed: onnx, hailo")


def start_embedder(config: EmbedderConfig) -> LastingEmbedder:
    """Open the embedder for a daemon: an accelerator that is away, or goes, is a state and no error.

    It runs in a process of its own, which dies with the *thread* that uses the embedder.

    Raises
    ------
    ArtifactError
        The model folder is incomplete, damaged, or not for this backend.
    """
    match config.backend:
        case "onnx":
            from cardscanner.embed.onnx import open_onnx

            return open_onnx(config)
        case "hailo":
            from cardscanner.embed.hailo_process import start_hailo

            return start_hailo(config)
        case _:
            raise ConfigError(f"embedder.backend {config.backend!r} is unknown; allowed: onnx, hailo")
