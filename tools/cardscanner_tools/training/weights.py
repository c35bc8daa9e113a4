"""Trained weights as safetensors, with what they are written beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from cardscanner.errors import ArtifactError
from cardscanner.files import replacing
from cardscanner_tools.training.recipe_network import NetworkEntry


def write_weights(path: Path, net: nn.Module, about: dict[str, Any]) -> None:
    """Replace ``path`` in one move; ``about`` becomes metadata, every value as JSON."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary, {key: json.dumps(value) for key, value in about.items()})


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors; :class:`ArtifactError` when the file cannot be used."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{path} cannot be read as safetensors: {error}") from None


def read_about(path: Path) -> dict[str, Any]:
    """Return what :func:`write_weights` was told; empty for files of others."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return {key: json.loads(value) for key, value in metadata.items()}
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{path} cannot be read as safetensors: {error}") from None
    except ValueError:
        return {}  # another program's metadata


def read_entry(path: Path) -> NetworkEntry:
    """Return which network the weights are of, its own start forgotten."""
    about = read_about(path)
    try:
        entry = NetworkEntry.model_validate(about["network"])
    except (KeyError, ValidationError):
        raise ArtifactError(
            f"{path} does not say which network it is of (our trainer writes that into its metadata)"
        ) from None
    return entry.model_copy(update={"weights": None, "sha256": None, "checkpoint": None})
