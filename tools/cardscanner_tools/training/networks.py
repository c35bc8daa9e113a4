"""Building a network from its entry in a recipe: :class:`CardNet`, or any timm backbone with a projection.

Nothing is ever downloaded: weights come from a local file that the entry names, else they are random.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from cardscanner.errors import ArtifactError, ConfigError
from cardscanner.files import sha256_of
from cardscanner_tools.efficientnet_lite0 import load_imagenet
from cardscanner_tools.training.network import CardNet
from cardscanner_tools.training.recipe_network import CARDNET, NetworkEntry
from cardscanner_tools.training.torchvision_ready import make_torchvision_importable
from cardscanner_tools.training.weights import read_entry, read_weights

_POOLING = {"token": "token", "average": "avg"}
_CARDNET_FEATURES = 64 * 7 * 7
_CARDNET_COLOURS = ((127.0,) * 3, (128.0,) * 3)


class TimmNet(nn.Module):
    """A timm backbone and a projection: (B, size, size, 3) uint8 RGB -> (B, dim) unit vectors."""

    def __init__(self, entry: NetworkEntry) -> None:
        super().__init__()
        self.backbone = _backbone(entry)
        self.head = _head(entry)
        self.register_buffer("mean", torch.tensor(entry.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(entry.std).view(1, 3, 1, 1), persistent=False)

    def features(self, crops: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 -> (B, dim), not normalised: what the HEF will give."""
        planes = (crops.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return self.head(self.backbone(planes))

    def forward(self, crops: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 -> (B, dim) unit vectors."""
        return F.normalize(self.features(crops).float(), dim=1)


def build(entry: NetworkEntry) -> nn.Module:
    """Return the network that an entry describes, with its weights.

    Raises
    ------
    ConfigError
        The entry does not fit the backbone, or there is no such backbone.
    ArtifactError
        A weights file is missing, damaged, not the one of the entry's hash, or of another network.
    """
    net = _cardnet(entry) if entry.source == CARDNET else TimmNet(entry)
    if entry.checkpoint is not None:
        fill(net, entry.checkpoint)
    return net


def load_network(path: Path | str, entry: NetworkEntry | None = None) -> nn.Module:
    """Return a trained network, ready to answer; ``entry`` is only for weights without our metadata."""
    known = entry or read_entry(Path(path))
    net = build(known.model_copy(update={"weights": None, "sha256": None, "checkpoint": Path(path)}))
    net.eval()
    return net


def fill(net: nn.Module, path: Path) -> None:
    """Copy weights that our trainer wrote into a network of the same shape."""
    try:
        net.load_state_dict(read_weights(path))
    except RuntimeError as error:
        raise ArtifactError(f"{path} holds another network than the recipe's: {_first(error)}") from None


def parameter_count(net: nn.Module) -> int:
    """Return how many numbers are learnt, or were before they were frozen."""
    return sum(each.numel() for each in net.parameters())


def _cardnet(entry: NetworkEntry) -> CardNet:
    if entry.features != _CARDNET_FEATURES or (entry.mean, entry.std) != _CARDNET_COLOURS:
        raise ConfigError(
            f"network {entry.name}: cardnet has features {_CARDNET_FEATURES}, mean 127 and std 128 for each "
            "colour"
        )
    net = CardNet(entry.dim)
    if entry.weights is not None:
        _check(entry.weights, entry.sha256)
        try:
            load_imagenet(net, entry.weights)
        except (OSError, RuntimeError, KeyError, pickle.UnpicklingError, EOFError) as error:
            raise ArtifactError(
                f"{entry.weights} is no EfficientNet-Lite0 checkpoint: {_first(error)}"
            ) from None
    return net


def _backbone(entry: NetworkEntry) -> Any:
    make_torchvision_importable()
    import timm

    if not timm.is_model(entry.source):
        near = ", ".join(timm.list_models(f"*{entry.source.split('_')[0]}*")[:12])
        raise ConfigError(f"network {entry.name}: timm has no {entry.source!r}; it has, say, {near}")
    arguments: dict[str, Any] = {"num_classes": 0, **entry.options}
    if entry.pooling != "own":
        arguments["global_pool"] = _POOLING[entry.pooling]
    if entry.patch is not None:
        arguments["img_size"] = entry.size
    if entry.weights is not None:
        _check(entry.weights, entry.sha256)
        arguments |= {"pretrained": True, "pretrained_cfg_overlay": _overlay(timm, entry)}
    backbone = _created(timm, entry, arguments)
    _check_geometry(entry, backbone)
    return backbone


def _overlay(timm: Any, entry: NetworkEntry) -> dict[str, Any]:
    """Return what makes timm load our file, its classifier left out, and refuse it unless every key fits.

    Left to itself, timm starts whatever a file lacks at random and says so in a log line only.
    """
    try:
        tensors = timm.models.load_state_dict(str(entry.weights))
    except (RuntimeError, KeyError, OSError, SafetensorError, pickle.UnpicklingError, EOFError) as error:
        raise ArtifactError(f"{entry.weights} cannot be read as weights: {_first(error)}") from None
    named = timm.models.get_pretrained_cfg(entry.source).classifier or ()
    for name in (named,) if isinstance(named, str) else named:
        for part in ("weight", "bias"):
            tensors.pop(f"{name}.{part}", None)
    return {"state_dict": tensors, "num_classes": 0, "label_offset": 0}


def _created(timm: Any, entry: NetworkEntry, arguments: dict[str, Any]) -> Any:
    try:
        return timm.create_model(entry.source, **arguments)
    except (RuntimeError, KeyError, OSError, SafetensorError, pickle.UnpicklingError, EOFError) as error:
        if entry.weights is None:
            raise ConfigError(f"network {entry.name}: {entry.source}: {_first(error)}") from None
        raise ArtifactError(f"{entry.weights} does not fit {entry.source}: {_first(error)}") from None
    except (TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"network {entry.name}: {entry.source}: {_first(error)}") from None


def _check_geometry(entry: NetworkEntry, backbone: Any) -> None:
    if backbone.num_features != entry.features:
        raise ConfigError(
            f"network {entry.name}: {entry.source} gives {backbone.num_features} features, "
            f"not {entry.features}"
        )
    embed = getattr(backbone, "patch_embed", None)
    patch = getattr(embed, "patch_size", (None,))[0] if embed is not None else None
    if patch != entry.patch:
        raise ConfigError(f"network {entry.name}: {entry.source} has patch {patch}, not {entry.patch}")


def _head(entry: NetworkEntry) -> nn.Module:
    if entry.head == "linear":
        return nn.Linear(entry.features, entry.dim)
    return nn.Sequential(
        nn.Linear(entry.features, entry.dim),
        nn.GELU(),
        nn.Dropout(entry.dropout),
        nn.Linear(entry.dim, entry.dim),
    )


def _check(path: Path, sha256: str | None) -> None:
    if not path.is_file():
        raise ArtifactError(f"{path} is missing: give the weights as a local file, nothing is downloaded")
    if sha256 is not None and (found := sha256_of(path)) != sha256:
        raise ArtifactError(
            f"{path} has SHA-256 {found}, the recipe names {sha256}: it is another file or damaged "
            "(--set network.sha256=null takes any file)"
        )


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
