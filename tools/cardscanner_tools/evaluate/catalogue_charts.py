"""How the catalogue suite is shown: tables, curves by strength, histograms, the ROC of acceptance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Picture
from cardscanner_tools.evaluate import plots
from cardscanner_tools.evaluate.conditions import CORNERS, HARD_LEVELS, HARDEST, LEVELS, USUAL_VIEW
from cardscanner_tools.evaluate.encoders import MODEL, Panel
from cardscanner_tools.evaluate.figures import Figure
from cardscanner_tools.evaluate.findings import Findings

Measured = Mapping[str, Mapping[str, Mapping[str, Figure | None]]]
"""Figures by condition and encoder."""

_COLUMNS = (
    "art_top1", "art_top3", "art_top5", "print_top1", "exact_top1", "distance_median", "distance_p95",
    "same_p5", "hardest_other_p95", "accepted_right", "accepted_wrong",
)  # fmt: skip


class Run(Protocol):
    """What is drawn of a run, by condition."""

    same: dict[str, NDArray[np.float64]]
    other: dict[str, NDArray[np.float64]]
    margins: dict[str, NDArray[np.float64]]
    strange_margins: dict[str, NDArray[np.float64]]


def show_catalogue(found: Findings, panel: Panel, run: Run) -> None:
    """Add tables and charts."""
    measured: Measured = found.document["conditions"]
    names = [each.name for each in panel.encoders]
    rows: list[list[object]] = [
        [name, *(percent(each[encoder]["art_top1"]) for encoder in names)] for name, each in measured.items()
    ]
    found.tables.append(("Artwork top-1 on the same captures", ["condition", *names], rows))
    model_rows: list[list[object]] = [
        [name, *(shown(each[MODEL].get(column)) for column in _COLUMNS)] for name, each in measured.items()
    ]
    heads = ["condition", *(column.replace("_", " ") for column in _COLUMNS)]
    found.tables.append(("The model by condition", heads, model_rows))
    found.charts.append(
        (
            "Artwork top-1 by strength of the corruption (bars: 95 % intervals)",
            _curves(measured, names, panel),
        )
    )
    values = {}
    for condition in (USUAL_VIEW.name, HARDEST.name):
        values[f"same card, {condition}"] = run.same[condition]
        values[f"nearest other artwork, {condition}"] = run.other[condition]
    found.charts.append(
        (
            "Cosine of a capture with its own reference and with the nearest other artwork",
            plots.histograms(values),
        )
    )
    pairs = {name: (run.margins[name], run.strange_margins[name]) for name in run.strange_margins}
    found.charts.append(
        ("Acceptance by margin: cards of the gallery against cards that are not in it", plots.roc(pairs))
    )


def percent(figure: Figure | None) -> str | None:
    """Show a share with its interval."""
    if figure is None:
        return None
    return f"{figure.value:.1%} ({figure.low * 100:.1f} to {figure.high * 100:.1f})"


def shown(figure: Figure | None) -> str | None:
    """Show a value with its interval."""
    return None if figure is None else f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _curves(measured: Measured, names: Sequence[str], panel: Panel) -> Picture:
    def curve(points: Sequence[tuple[float, str]]) -> dict[str, list[tuple[float, Figure | None]]]:
        return {name: [(x, measured[each][name]["art_top1"]) for x, each in points] for name in names}

    corners = [(c.style.corner_error * 100, c.name) for c in CORNERS]
    levels = [(c.style.strength, c.name) for c in LEVELS]
    hard_levels = [(c.style.strength, c.name) for c in HARD_LEVELS]
    axes = [
        ("corner error, % of the card's width", curve(corners)),
        ("level", curve(levels)),
        ("level, with glare and occlusion", curve(hard_levels)),
    ]
    return plots.curves(axes, thin=panel.untrained)
