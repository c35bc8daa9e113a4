"""Fitting the finder's three scores to records: two logistic models and a small network, in plain numpy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner_tools.finder.records import RIGHT, Record

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
OUTLINE = ("covered_min", "covered_2nd", "covered_mean", "ratio", "corner", "taper")
"""What a proposal shows before any pixel is looked at again."""
_HIDDEN = (32, 16)
STEPS = 20_000
_BATCH = 512
_LEARNING_RATE = 3e-3
_DECAY = 1e-4
_WOBBLE = 0.05
"""Noise on the standardised features, so that no single one is trusted to the last digit."""


def fit_linear(records: Sequence[Record], names: Sequence[str]) -> dict[str, float]:
    """Fit log-odds that a proposal is right, by Newton's method with a unit ridge on standardised features.

    In each picture the right ones together weigh as much as its cards (at most four), the wrong ones as one.
    """
    columns = [records[0].names.index(name) for name in names]
    values = np.concatenate([each.features[:, columns] for each in records]).astype(np.float64)
    right = np.concatenate([each.overlap >= RIGHT for each in records]).astype(np.float64)
    weight = np.concatenate([_shares(each) for each in records])
    weight *= len(weight) / weight.sum()
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-9
    inputs = np.column_stack([(values - mean) / scale, np.ones(len(values))])
    ridge = np.append(np.ones(len(names)), 0.0)
    at = np.zeros(len(ridge))
    for _ in range(30):
        odds = 1 / (1 + np.exp(-np.clip(inputs @ at, -30, 30)))
        slope = inputs.T @ (weight * (odds - right)) + ridge * at
        curve = (inputs * (weight * odds * (1 - odds))[:, None]).T @ inputs + np.diag(ridge + 1e-9)
        step = np.linalg.solve(curve, slope)
        at -= step
        if np.abs(step).max() < 1e-8:
            break
    factors = at[:-1] / scale
    bias = float(at[-1] - factors @ mean)
    return {"bias": _short(bias), **{name: _short(each) for name, each in zip(names, factors, strict=True)}}


def _shares(record: Record) -> Doubles:
    right = record.overlap >= RIGHT
    cards = max(1, min(4, record.cards))
    return np.asarray(np.where(right, 2 * cards / max(1, right.sum()), 2 / max(1, (~right).sum())))


class _Adam:
    """Adam (Kingma and Ba 2015) with a cosine schedule; changes the values in place."""

    def __init__(self, values: Sequence[Floats], steps: int) -> None:
        self.values = values
        self.steps = steps
        self.mean = [np.zeros_like(each) for each in values]
        self.square = [np.zeros_like(each) for each in values]
        self.step = 0

    def update(self, slopes: Sequence[Floats]) -> None:
        self.step += 1
        rate = _LEARNING_RATE * (1 + np.cos(np.pi * self.step / self.steps)) / 2
        for number, slope in enumerate(slopes):
            self.mean[number] += 0.1 * (slope - self.mean[number])
            self.square[number] += 0.001 * (slope * slope - self.square[number])
            size = np.sqrt(self.square[number] / (1 - 0.999**self.step)) + 1e-8
            change = rate * self.mean[number] / (1 - 0.9**self.step) / size
            self.values[number][...] -= change.astype(np.float32)


def fit_network(records: Sequence[Record], seed: int, steps: int = STEPS) -> tuple[dict[str, object], float]:
    """Fit the score of refined quads; return it as stored, and its mean cross-entropy.

    The wanted score rises from 0 at an overlap of 0.6 to 1 at 1.0, squared: the reading of a card that is
    nearest to its edge must win against its printed frame and its sleeve.
    """
    values = np.concatenate([each.features for each in records])
    overlap = np.concatenate([each.overlap for each in records])
    wanted = (np.clip((overlap - 0.6) / 0.4, 0, 1) ** 2).astype(np.float32)
    share = np.concatenate(
        [np.full(len(each.overlap), each.weight / len(each.overlap) ** 0.5) for each in records]
    )
    share *= np.where(overlap > 0.8, 2, 1)
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    inputs = np.clip((values - mean) / scale, -6, 6).astype(np.float32)
    layers = _train(inputs, wanted, np.cumsum(share / share.sum()), np.random.default_rng(seed), steps)
    score = _forward(layers, inputs)[-1][:, 0]
    entropy = -(wanted * np.log(score + 1e-6) + (1 - wanted) * np.log(1 - score + 1e-6))
    stored = {
        "names": list(records[0].names),
        "mean": _shortened(mean),
        "scale": _shortened(scale),
        "layers": [
            [_shortened(weight), _shortened(bias)]
            for weight, bias in zip(layers[::2], layers[1::2], strict=True)
        ],
    }
    return stored, float((entropy * share).sum() / share.sum())


def _train(
    inputs: Floats, wanted: Floats, share: Doubles, rng: np.random.Generator, steps: int
) -> list[Floats]:
    sizes = (inputs.shape[1], *_HIDDEN, 1)
    layers: list[Floats] = []
    for before, after in pairwise(sizes):
        layers.append(rng.normal(0, (2 / before) ** 0.5, (before, after)).astype(np.float32))
        layers.append(np.zeros(after, np.float32))
    descent = _Adam(layers, steps)
    for _ in range(steps):
        some = np.searchsorted(share, rng.random(_BATCH) * share[-1])
        noisy = inputs[some] + rng.normal(0, _WOBBLE, (_BATCH, sizes[0])).astype(np.float32)
        descent.update(_slopes(layers, noisy, wanted[some]))
    return layers


def _forward(layers: Sequence[Floats], inputs: Floats) -> list[Floats]:
    """Inputs, hidden values, and the score at the end."""
    values = [inputs]
    for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        values.append(np.maximum(values[-1] @ weight + bias, 0))
    last = values[-1] @ layers[-2] + layers[-1]
    values.append(np.asarray(1 / (1 + np.exp(-np.clip(last, -30, 30))), np.float32))
    return values


def _slopes(layers: Sequence[Floats], inputs: Floats, wanted: Floats) -> list[Floats]:
    *values, score = _forward(layers, inputs)
    back = (score - wanted[:, None]) / np.float32(len(wanted))
    slopes: list[Floats] = []
    for weight, value in zip(layers[-2::-2], values[::-1], strict=True):
        slopes = [value.T @ back + np.float32(_DECAY) * weight, back.sum(axis=0), *slopes]
        back = (back @ weight.T) * (value > 0)
    return slopes


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _shortened(values: NDArray[Any]) -> list[object]:
    return [_short(each) if np.ndim(each) == 0 else _shortened(each) for each in values]
