"""Where each block of a reference lies in a view of the card, and how well it agrees there.

Blocks are compared by normalised cross-correlation: light, contrast and colour cast drop out, each block
answers for itself, and what covers one block says nothing about the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.verify.stored import Grey, Values

Whole = NDArray[np.int64]
Shades = Grey | NDArray[np.float32]

_FLAT = 2.0
"""Grey levels of contrast under which there is nothing to compare, only the noise of JPEG."""

_AROUND_PX = 11
_FAINT = 8.0
"""Grey levels of contrast below which a place stays faint: it is noise."""


@dataclass(frozen=True)
class Grid:
    """Blocks over a card of ``width`` x ``height`` pixels; equal grids are one object, see the constants."""

    width: int
    height: int
    columns: int
    rows: int
    block_px: int
    """Side of a block; blocks overlap when it is larger than their distance."""
    reach_px: int
    """How far a block may lie from where it is expected."""

    @cached_property
    def first_px(self) -> Whole:
        """First pixel (x, y) of each block, (N, 2), row by row."""
        x = np.rint(np.linspace(0, self.width - self.block_px, self.columns)).astype(np.int64)
        y = np.rint(np.linspace(0, self.height - self.block_px, self.rows)).astype(np.int64)
        return np.stack([each.ravel() for each in np.meshgrid(x, y)], axis=1)

    @cached_property
    def centres(self) -> Values:
        """Middle of each block in card widths and heights, (N, 2)."""
        return np.asarray((self.first_px + self.block_px / 2) / (self.width, self.height))


COARSE = Grid(60, 84, 5, 7, 13, 5)
"""Finds an outline that is off by up to 8 % of the width."""
MIDDLE = Grid(120, 168, 6, 8, 19, 3)
"""Settles it to a fraction of a pixel."""
FINE = Grid(120, 168, 8, 11, 17, 1)
"""Judges whether it is this card."""
SHARP = Grid(240, 336, 16, 22, 19, 1)
"""Tells prints of one artwork apart."""


def surfaces(reference: Shades, seen: Shades, grid: Grid, which: Whole | None = None) -> Values:
    """Return the agreement of every block at every shift, (N, 2 r + 1, 2 r + 1), from -1 to 1.

    ``seen`` has a rim of ``grid.reach_px``. Blocks without structure agree with nothing: 0. ``which`` are the
    numbers of the blocks wanted.
    """
    side, wide = grid.block_px, grid.block_px + 2 * grid.reach_px
    places = grid.first_px if which is None else grid.first_px[which]
    found = np.zeros((len(places), 2 * grid.reach_px + 1, 2 * grid.reach_px + 1), np.float32)
    for number, (x, y) in enumerate(places.tolist()):
        block, window = reference[y : y + side, x : x + side], seen[y : y + wide, x : x + wide]
        found[number] = cv2.matchTemplate(window, block, cv2.TM_CCOEFF_NORMED)
    return np.asarray(np.clip(np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A view with what comparing it with several references has in common."""

    grid: Grid
    shifts: list[tuple[NDArray[np.float32], Values, Values]]
    """For each shift: the view, moved; mean and standard deviation inside each block."""


def window(seen: Shades, grid: Grid) -> Window:
    """Prepare a view with a rim of ``grid.reach_px`` for :func:`agreement`."""
    light = seen.astype(np.float32)
    sums, squares = cv2.integral2(light)
    shifts = []
    for down in range(2 * grid.reach_px + 1):
        for right in range(2 * grid.reach_px + 1):
            mean = _block_means(sums, grid, right, down)
            power = _block_means(squares, grid, right, down) - mean**2
            under = light[down : down + grid.height, right : right + grid.width]
            shifts.append((under, mean, np.asarray(np.sqrt(np.maximum(power, 0.0)))))
    return Window(grid, shifts)


def agreement(reference: Shades, seen: Window) -> Values:
    """Return the best agreement of each block within ``reach_px`` of its place, (N,), -1 to 1.

    The same numbers as the peaks of :func:`surfaces`; faster where the reach is short.
    """
    plain = reference.astype(np.float32)
    mean, spread = block_statistics(plain, seen.grid)
    best = np.full(len(mean), -1.0)
    for under, there, deviation in seen.shifts:
        together = _block_means(cv2.integral(plain * under), seen.grid)
        best = np.maximum(best, (together - mean * there) / np.maximum(spread * deviation, _FLAT**2))
    return np.asarray(np.clip(best, -1.0, 1.0), dtype=np.float64)


def flattened(picture: Grey) -> NDArray[np.float32]:
    """Return a picture less what is coarse in it, contrast evened out: small print counts like edges.

    From each pixel the mean around it is taken, then it is divided by the standard deviation around it.
    """
    light = picture.astype(np.float32)
    fine = light - cv2.blur(light, (_AROUND_PX, _AROUND_PX))
    power = cv2.blur(fine * fine, (_AROUND_PX, _AROUND_PX))
    return np.asarray(fine / (np.sqrt(np.maximum(power, 0.0)) + _FAINT) * 64.0, dtype=np.float32)


def block_statistics(picture: NDArray[np.float32] | Grey, grid: Grid) -> tuple[Values, Values]:
    """Return mean and standard deviation inside each block, (N,) each, in grey levels."""
    sums, squares = cv2.integral2(picture)
    mean = _block_means(sums, grid)
    return mean, np.asarray(np.sqrt(np.maximum(_block_means(squares, grid) - mean**2, 0.0)), np.float64)


def _block_means(integral: NDArray[Any], grid: Grid, right: int = 0, down: int = 0) -> Values:
    """Return the mean over each block, moved by (right, down), from an integral picture."""
    x, y = grid.first_px[:, 0] + right, grid.first_px[:, 1] + down
    side = grid.block_px
    flat, wide = integral.ravel(), integral.shape[1]
    top, bottom = y * wide + x, (y + side) * wide + x
    return np.asarray(
        (flat[bottom + side] - flat[bottom] - flat[top + side] + flat[top]) / float(side * side)
    )
