"""From evidence to a number between 0 and 1.

Two logistic models prune the proposals; a small network (two hidden layers, some two thousand weights) judges
what is left. ``weights.json`` is fitted by ``cardscanner-tools fit-finder``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from cardscanner.detect.field import Floats

Features = Mapping[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """Log-odds as a weighted sum of named features."""

    bias: float
    weights: Mapping[str, float]

    def __call__(self, features: Features) -> Floats:
        """Return the log-odds (N,)."""
        total = sum(np.float32(weight) * features[name] for name, weight in self.weights.items())
        return np.nan_to_num(np.asarray(total + np.float32(self.bias), dtype=np.float32), nan=-30.0)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Standardise, clip, two layers of rectifiers, one logistic output."""

    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    layers: tuple[tuple[Floats, Floats], ...]

    def __call__(self, features: Features) -> Floats:
        """Return scores (N,) in 0..1: 1 for the exact outline of a card, 0 for anything else."""
        values = np.stack([np.asarray(features[name], dtype=np.float32) for name in self.names], axis=1)
        hidden = np.clip(np.nan_to_num((values - self.mean) / self.scale), -6, 6)
        for weight, bias in self.layers[:-1]:
            hidden = np.maximum(hidden @ weight + bias, 0)
        weight, bias = self.layers[-1]
        return np.asarray(1 / (1 + np.exp(-np.clip(hidden @ weight + bias, -30, 30)))[:, 0], dtype=np.float32)


def as_linear(stored: Mapping[str, float]) -> Linear:
    """Return a model as it stands in ``weights.json``."""
    return Linear(stored["bias"], {name: value for name, value in stored.items() if name != "bias"})


def as_network(stored: Mapping[str, Any]) -> Network:
    """Return a network as it stands in ``weights.json``."""
    return Network(
        tuple(stored["names"]),
        np.array(stored["mean"], dtype=np.float32),
        np.array(stored["scale"], dtype=np.float32),
        tuple((np.array(w, dtype=np.float32), np.array(b, dtype=np.float32)) for w, b in stored["layers"]),
    )


def _stored() -> Any:
    return json.loads(files("cardscanner.detect").joinpath("weights.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is looked at again."""

    outline: Linear
    """Judges proposals by their form and by how their sides are covered with lines."""
    glance: Linear
    """Judges proposals by the gradients along their sides."""


_STORED = _stored()
PRUNING = Pruning(as_linear(_STORED["outline"]), as_linear(_STORED["glance"]))
CARD = as_network(_STORED["card"])
"""Judges refined quads by everything that is seen around them."""
