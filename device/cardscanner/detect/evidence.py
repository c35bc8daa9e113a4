"""Full evidence for refined quads: what lies on, just outside and just inside their sides and corners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Floats
from cardscanner.detect.profiles import STEP, Sides, changes, sample
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.shape import camera_features, form_features

Colours = NDArray[np.uint8]

_MIDDLE = 14
"""Samples to each side of the edge."""
OFFSETS = STEP * np.arange(-_MIDDLE, _MIDDLE + 1, dtype=np.float32)
_ALONG = np.linspace(0.08, 0.92, 16, dtype=np.float32)
"""Places along a side; the rounded corners are left out."""
_AT_CORNER = np.array([-0.01, 0.0, 0.01, 0.02, 0.03, 0.04], dtype=np.float32)
"""Places on the line from a corner into the card; a round corner of 3 mm crosses it at 0.02 widths."""
_BEYOND = np.array([-0.16, -0.11, -0.07, 1.07, 1.11, 1.16], dtype=np.float32)
_ACROSS = np.array([-0.018, -0.006, 0.006, 0.018], dtype=np.float32)
_NEAR_ENDS = np.array([0.05, 0.08, 0.11, 0.89, 0.92, 0.95], dtype=np.float32)
_MIDWAY = np.linspace(0.42, 0.58, 17, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """Colours around N quads."""

    sides: Colours
    """(N, 4, S, O, 3) across the sides, from inside to outside."""
    corners: Colours
    """(N, 4, 6, 3) from each corner inward."""
    beyond: Colours
    """(N, 4, 6, 4, 3) across the sides' continuations."""
    middle: Colours
    """(N, 2, 3, 17, 3) across the middle line, near its two ends."""


def evidence(pyramid: Pyramid, corners: Floats) -> tuple[dict[str, Floats], Floats]:
    """Return named features (N,) of quads (N, 4, 2) in picture pixels, and the edge profile of each side.

    The profile (N, 4, O) tells, from :data:`OFFSETS` widths inside to outside of each side, how clear a
    parallel edge there would be.
    """
    height, width = pyramid.picture.shape[:2]
    sides = Sides.of(corners)
    view = _look(pyramid, sides)
    slope, change = changes(view.sides)
    busy = 0.7 * change.mean(axis=(2, 3)) + 5.0
    clear = change / (change + busy[:, :, None, None])
    profile = clear.mean(axis=2)
    features = {
        **_side_features(slope[:, :, :, _MIDDLE], change, clear),
        **_band_features(profile),
        **_surface_features(view.sides),
        **_round_features(view.corners),
        **_beyond_features(view.beyond, busy),
        **_split_features(view.middle, busy),
        **form_features(sides),
        **camera_features(sides, width, height),
        "outside": _outside(corners, width, height),
        "log_width": np.log(sides.width),
    }
    return features, profile


def _look(pyramid: Pyramid, sides: Sides) -> _View:
    """Read all colours that the evidence needs in one go."""
    count = len(sides.width)
    parts = [
        sides.points(_ALONG, OFFSETS),
        _corner_points(sides),
        sides.points(_BEYOND, _ACROSS),
        _middle_points(sides),
    ]
    x, y = (np.concatenate([part[axis].reshape(count, -1) for part in parts], axis=1) for axis in (0, 1))
    colours = sample(pyramid, x, y, sides.width)
    ends = np.cumsum([part[0].size // count for part in parts])
    return _View(
        colours[:, : ends[0]].reshape(count, 4, len(_ALONG), len(OFFSETS), 3),
        colours[:, ends[0] : ends[1]].reshape(count, 4, len(_AT_CORNER), 3),
        colours[:, ends[1] : ends[2]].reshape(count, 4, len(_BEYOND), len(_ACROSS), 3),
        colours[:, ends[2] :].reshape(count, 2, 3, len(_MIDWAY), 3),
    )


def _corner_points(sides: Sides) -> tuple[Floats, Floats]:
    inward = sides.along - sides.along[:, (3, 0, 1, 2)]
    inward = inward / np.maximum(_size(inward), 1e-6)[..., None]
    depth = sides.width[:, None, None] * _AT_CORNER
    x, y = (sides.corners[..., axis, None] + inward[..., axis, None] * depth for axis in (0, 1))
    return x, y


def _middle_points(sides: Sides) -> tuple[Floats, Floats]:
    """Across the line that halves the long sides, near its ends."""
    lying = sides.length[:, 0] + sides.length[:, 2] > sides.length[:, 1] + sides.length[:, 3]
    order = np.where(lying[:, None], [0, 1, 2, 3], [1, 2, 3, 0])
    a, b, c, d = np.take_along_axis(sides.corners, order[..., None], axis=1).transpose(1, 2, 0)
    near = a[..., None] + (b - a)[..., None] * _MIDWAY
    far = d[..., None] + (c - d)[..., None] * _MIDWAY
    points = near[..., None, :] + (far - near)[..., None, :] * _NEAR_ENDS[:, None]
    return points[0], points[1]


def _side_features(slope: NDArray[np.int16], change: Floats, clear: Floats) -> dict[str, Floats]:
    at = slope.astype(np.float32)
    centre = slice(_MIDDLE - 1, _MIDDLE + 2)
    on = clear[..., centre].max(axis=3)
    edge = np.sort(on.mean(axis=2), axis=1)
    seen = np.sort((on > 0.5).mean(axis=2), axis=1)
    common = _size(at.mean(axis=2))
    steady = common / (np.sqrt((at * at).sum(axis=3).mean(axis=2)) + 3.0)
    peak = change[..., centre].max(axis=3).mean(axis=(1, 2))
    return {
        "edge_min": edge[:, 0],
        "edge_2nd": edge[:, 1],
        "edge_mean": edge.mean(axis=1),
        "seen_min": seen[:, 0],
        "seen_2nd": seen[:, 1],
        "seen_mean": seen.mean(axis=1),
        "steady_min": steady.min(axis=1),
        "steady_mean": steady.mean(axis=1),
        "contrast_min": np.log1p(common.min(axis=1)),
        "contrast_mean": np.log1p(common.mean(axis=1)),
        "peak_mean": np.log((peak + 3) / (change.mean(axis=(1, 2, 3)) + 3)),
    }


def _size(vectors: Floats) -> Floats:
    return np.asarray(np.sqrt((vectors * vectors).sum(axis=-1)))


def _band_features(profile: Floats) -> dict[str, Floats]:
    """Parallel edges a little outside and inside: sleeve, printed frame, neighbours."""
    peak = profile[:, :, _MIDDLE - 1 : _MIDDLE + 2].max(axis=2)
    outer, inner = profile[:, :, _MIDDLE + 3 : -1], profile[:, :, 1 : _MIDDLE - 2]
    outer_peak, inner_peak = outer.max(axis=2), inner.max(axis=2)
    return {
        "outer_peak": outer_peak.mean(axis=1),
        "outer_peak_max": outer_peak.max(axis=1),
        "outer_excess": np.maximum(outer_peak - peak, 0).mean(axis=1),
        "outer_excess_max": (outer_peak - peak).max(axis=1),
        "inner_peak": inner_peak.mean(axis=1),
        "inner_excess": np.maximum(inner_peak - peak, 0).mean(axis=1),
        "outer_all": outer.mean(axis=(1, 2)),
        "inner_all": inner.mean(axis=(1, 2)),
    }


def _surface_features(colours: Colours) -> dict[str, Floats]:
    """Border strip inside, ground outside: how even each is, how much they differ."""
    inside = colours[:, :, :, _MIDDLE - 7 : _MIDDLE - 1].sum(axis=3, dtype=np.float32) / 6
    outside = colours[:, :, :, _MIDDLE + 2 : _MIDDLE + 8].sum(axis=3, dtype=np.float32) / 6
    mean_in, mean_out = inside.mean(axis=2), outside.mean(axis=2)
    apart = _size(mean_in - mean_out)
    return {
        "uneven_in": np.log(inside.std(axis=2).mean(axis=(1, 2)) + 3),
        "uneven_out": np.log(outside.std(axis=2).mean(axis=(1, 2)) + 3),
        "apart_min": np.log(apart.min(axis=1) + 3),
        "apart_mean": np.log(apart.mean(axis=1) + 3),
        "ring_in": np.log(mean_in.std(axis=1).mean(axis=1) + 3),
        "ring_out": np.log(mean_out.std(axis=1).mean(axis=1) + 3),
    }


def _round_features(colours: Colours) -> dict[str, Floats]:
    """Whether the corners are round (towards 1) or sharp (towards -1)."""
    step = _size(np.diff(colours.astype(np.float32), axis=2))
    step = step / (step.mean(axis=2, keepdims=True) + 2.0)
    round_ = np.sort(np.tanh(step[:, :, 2:4].mean(axis=2) - step[:, :, :2].mean(axis=2)), axis=1)
    return {"round": round_.mean(axis=1), "round_2nd": round_[:, 1]}


def _beyond_features(colours: Colours, busy: Floats) -> dict[str, Floats]:
    """Sides end at the corners of a card; lines of a table or a shelf go on."""
    change = _size(np.diff(colours.astype(np.float32), axis=3)).max(axis=3)
    clear = change / (change + busy[:, :, None])
    ends = np.sort(clear.reshape(-1, 8, 3).mean(axis=2), axis=1)
    return {"beyond_mean": ends.mean(axis=1), "beyond_max": ends[:, -1], "beyond_4th": ends[:, 4]}


def _split_features(colours: Colours, busy: Floats) -> dict[str, Floats]:
    """Two cards side by side have nearly the form of one that lies: look for the gap between them.

    Near both ends of the middle line a single card shows its even border; a pair shows the edges of the gap.
    """
    change = changes(colours)[1]
    clear = change / (change + busy.mean(axis=1)[:, None, None, None])
    ends = clear.mean(axis=2).max(axis=2)
    return {"split": ends.min(axis=1), "split_max": ends.max(axis=1)}


def _outside(corners: Floats, width: int, height: int) -> Floats:
    """Share of the quad's outline that lies outside the picture."""
    side = corners[:, (1, 2, 3, 0)] - corners
    points = corners[:, :, None] + side[:, :, None] * _ALONG[:, None]
    inside = ((points > -0.5) & (points < np.array([width - 0.5, height - 0.5]))).all(axis=3)
    return np.asarray(1 - inside.mean(axis=(1, 2)), dtype=np.float32)
