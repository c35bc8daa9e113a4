"""Reading the corner network's maps: what each channel means, and how outlines come out of it.

The network sees the whole picture reduced, and says for every cell of 8 x 8 pixels whether the middle
of a card lies there, and from anywhere inside a card where its four corners are. A card's outline is read
at its middle first, then, corner by corner, nearer to that corner, where the way is shorter and the answer
better; at last a corner point that the network sees clearly close by takes its place.

Which corner is the first would jump as a card turns. So there are two conventions, each steady where the
other jumps: *standing* (the upper short side comes first) and *lying* (the left short side), and a channel
that tells which one holds.

The middle as a peak of a heat map: Zhou et al., Objects as Points (2019). Reading from every inner cell:
Tian et al., FCOS (2019).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.field import Floats
from cardscanner.detect.keep import convex

STRIDE = 8
"""Input pixels per cell."""
REACH_PX = 64.0
"""Input pixels that a corner's channels count as one."""
MIDDLE, CORNER, LYING = 0, 1, 2
"""Logits: the middle of a card, a corner of one, whether its long sides run sideways."""
OFFSET = slice(3, 5)
"""From the middle of a cell to the corner in it (x, y), in cells."""
STANDING_CORNERS = slice(5, 13)
LYING_CORNERS = slice(13, 21)
"""From the middle of a cell to the four corners (x, y each), in :data:`REACH_PX`."""
CHANNELS = 21

_NEARER = 0.55
"""How far towards a corner it is asked for again, at most ..."""
_INSIDE = 0.7
"""... and how much of the way the cell asked must stay inside, with its own size as a margin."""
_CLEAR = 0.3
"""Confidence from which a corner point is believed."""
_CLOSE = 0.10
"""How far away a corner point may lie, in short sides of the card."""


def cell_centres(rows: int, columns: int) -> Floats:
    """(rows, columns, 2) x and y of every cell's middle in input pixels."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    return np.asarray(np.stack([x, y], axis=-1) * STRIDE + (STRIDE - 1) / 2, np.float32)


def read_quads(maps: Floats, least: float, most: int) -> tuple[Floats, Floats]:
    """Return the outlines (N, 4, 2) in input pixels, clockwise, and their confidence (N,), best first.

    ``maps`` are (rows, columns, CHANNELS) as the network gives them.
    """
    at, confidence = _peaks(maps[..., MIDDLE], least, most)
    quads = _quads_at(maps, at)
    for _ in range(2):
        quads = _asked_nearer(maps, at, quads)
    quads = _snapped(maps, quads)
    sound = convex(quads)
    return quads[sound], confidence[sound]


def _peaks(logits: Floats, least: float, most: int) -> tuple[NDArray[np.int64], Floats]:
    """Rows and columns (N, 2) of the cells that are more likely a middle than the eight around them."""
    heat: Floats = np.asarray(1 / (1 + np.exp(-logits)), np.float32)
    top = cv2.dilate(heat, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((heat == top) & (heat >= least))
    order = np.argsort(-heat[rows, columns], kind="stable")[:most]
    return np.stack([rows[order], columns[order]], axis=1), heat[rows[order], columns[order]]


def _quads_at(maps: Floats, at: NDArray[np.int64]) -> Floats:
    cells = maps[at[:, 0], at[:, 1]]
    lying = cells[:, LYING, None] > 0
    away = np.where(lying, cells[:, LYING_CORNERS], cells[:, STANDING_CORNERS])
    centres = cell_centres(*maps.shape[:2])[at[:, 0], at[:, 1]]
    return np.asarray(centres[:, None] + away.reshape(-1, 4, 2) * REACH_PX, np.float32)


def _asked_nearer(maps: Floats, at: NDArray[np.int64], quads: Floats) -> Floats:
    rows, columns = maps.shape[:2]
    lying = maps[at[:, 0], at[:, 1], LYING] > 0
    middle = quads.mean(axis=1, keepdims=True)
    nearer = np.clip(_INSIDE - 0.75 * STRIDE / (_short_sides(quads) / 2), 0, _NEARER)[:, None, None]
    asked = np.round(((middle + nearer * (quads - middle)) - (STRIDE - 1) / 2) / STRIDE).astype(np.int64)
    column, row = np.clip(asked[..., 0], 0, columns - 1), np.clip(asked[..., 1], 0, rows - 1)
    channel = np.where(lying, LYING_CORNERS.start, STANDING_CORNERS.start)[:, None] + 2 * np.arange(4)
    away = np.stack([maps[row, column, channel], maps[row, column, channel + 1]], axis=-1)
    return np.asarray(cell_centres(rows, columns)[row, column] + away * REACH_PX, np.float32)


def _snapped(maps: Floats, quads: Floats) -> Floats:
    """Move corners onto clear corner points close by."""
    at, _ = _peaks(maps[..., CORNER], _CLEAR, 400)
    if len(at) == 0 or len(quads) == 0:
        return quads
    centres = cell_centres(*maps.shape[:2])[at[:, 0], at[:, 1]]
    points = centres + maps[at[:, 0], at[:, 1], OFFSET] * STRIDE
    apart = np.linalg.norm(quads[:, :, None] - points, axis=-1)
    close = _CLOSE * _short_sides(quads)[:, None]
    nearest = apart.argmin(axis=-1)
    snap = np.take_along_axis(apart, nearest[..., None], axis=-1)[..., 0] < close
    return np.where(snap[..., None], points[nearest], quads).astype(np.float32)


def _short_sides(quads: Floats) -> Floats:
    sides = np.linalg.norm(np.roll(quads, -1, axis=1) - quads, axis=-1)
    short = np.minimum(sides[:, 0] + sides[:, 2], sides[:, 1] + sides[:, 3]) / 2
    return np.asarray(np.maximum(short, 1.0), np.float32)
