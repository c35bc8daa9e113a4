"""A histogram as SVG: sharp at any size, readable in the dark, no library on the box."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 860, 300, 46, 34, 26
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Okabe and Ito's palette: told apart with any colour vision."""
_BINS = 80


def histogram(values: Mapping[str, NDArray[np.float32]], low: float, high: float, below: str) -> str:
    """Return an SVG of distributions over each other, each as a share of its own.

    ``below`` names the axis.
    """
    shown = {name: each for name, each in values.items() if len(each)}
    counts = {
        name: np.histogram(np.clip(each, low, high), bins=_BINS, range=(low, high))[0] / len(each)
        for name, each in shown.items()
    }
    top = max((float(each.max()) for each in counts.values()), default=1.0)
    parts = [_axis(low, high, below)]
    for number, (name, each) in enumerate(counts.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        parts.append(
            f'<path d="{_outline(each / top)}" fill="{colour}" fill-opacity=".35" stroke="{colour}"/>'
            f'<text x="{_LEFT + 4 + 270 * number}" y="16" fill="{colour}">'
            f"{html.escape(name)} (n = {len(shown[name])})</text>"
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" style="width:{_WIDTH}px;max-width:100%" role="img" '
        f'font-size="14" font-family="system-ui, sans-serif">{"".join(parts)}</svg>'
    )


def _outline(shares: NDArray[np.float64]) -> str:
    floor, height = _HEIGHT - _BOTTOM, _HEIGHT - _BOTTOM - _TOP
    step = (_WIDTH - _LEFT - 10) / len(shares)
    corners = [f"M{_LEFT},{floor}"]
    for number, share in enumerate(shares):
        x, y = _LEFT + number * step, floor - float(share) * height
        corners.append(f"L{x:.1f},{y:.1f}L{x + step:.1f},{y:.1f}")
    return f"{''.join(corners)}L{_WIDTH - 10},{floor}Z"


def _axis(low: float, high: float, below: str) -> str:
    floor, reach = _HEIGHT - _BOTTOM, _WIDTH - _LEFT - 10
    ticks = []
    for number in range(11):
        x = _LEFT + reach * number / 10
        value = low + (high - low) * number / 10
        ticks.append(
            f'<text x="{x:.0f}" y="{floor + 16}" text-anchor="middle" fill="currentColor" '
            f'font-size="12">{value:.1f}</text>'
        )
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{floor}" y2="{floor}" stroke="currentColor"/>'
        f'<text x="{_LEFT + reach / 2}" y="{_HEIGHT - 3}" text-anchor="middle" fill="currentColor" '
        f'font-size="12">{html.escape(below)}</text>{"".join(ticks)}'
    )
