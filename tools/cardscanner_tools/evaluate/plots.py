"""Charts as pictures, drawn by matplotlib without a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Sheet
from numpy.typing import NDArray

from cardscanner.records import Picture
from cardscanner_tools.evaluate.figures import Figure

Values = NDArray[np.float64]
Curve = Sequence[tuple[float, Figure | None]]

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#8c564b", "#000000")
"""Okabe and Ito's palette first: told apart with any colour vision."""
_MARKERS = "osD^vPX<>"
_DPI = 110


def histograms(values: Mapping[str, Values], *, log: bool = False) -> Picture:
    """Draw distributions of cosines over each other, each as a share of its own.

    ``log`` is for distributions of which one is a spike beside which the others would vanish.
    """
    sheet, axes = _sheet(9, 4)
    everything = np.concatenate(list(values.values()))
    bins = np.linspace(min(0.0, float(everything.min())), 1.0, 70)
    for number, (name, each) in enumerate(values.items()):
        axes.hist(
            each,
            bins=bins.tolist(),
            weights=np.full(len(each), 100 / len(each)),
            histtype="stepfilled" if number % 2 == 0 else "step",
            alpha=0.45 if number % 2 == 0 else 1.0,
            linewidth=1.8,
            color=_COLOURS[number // 2],
            linestyle="-",
            label=f"{name} (n = {len(each)})",
        )
    axes.set_xlabel("cosine")
    axes.set_ylabel("% of the pairs")
    if log:
        axes.set_yscale("log")
        axes.set_ylim(0.05, 150)
        axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    sheet.legend(loc="outside upper center", ncols=2, frameon=False)
    return _drawn(sheet)


def roc(pairs: Mapping[str, tuple[Values, Values]]) -> Picture:
    """Draw the share of known ones accepted over the share of unknown ones accepted, both axes telling."""
    sheet, axes = _sheet(7, 4.5)
    for number, (name, (known, unknown)) in enumerate(pairs.items()):
        thresholds = np.unique(np.concatenate([known, unknown]))[::-1]
        accepted = np.array([(known >= each).mean() for each in thresholds])
        wrong = np.array([(unknown >= each).mean() for each in thresholds])
        axes.step(
            np.maximum(wrong, 0.5 / len(unknown)) * 100,
            accepted * 100,
            where="post",
            color=_COLOURS[number],
            linestyle=("-", "--", "-.", ":")[number % 4],
            linewidth=2,
            label=f"{name} ({len(known)} known, {len(unknown)} unknown)",
        )
    axes.axvline(1, color="#888", linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes.set_xlim(0.09, 100)
    axes.set_ylim(0, 103)
    axes.set_xlabel("unknown cards accepted, % (at the left end: none)")
    axes.set_ylabel("known cards accepted, %")
    axes.grid(alpha=0.25)
    sheet.legend(loc="outside upper center", frameon=False)
    return _drawn(sheet)


def curves(panels: Sequence[tuple[str, Mapping[str, Curve]]], thin: Sequence[str] = ()) -> Picture:
    """Draw top-1 over strength, a panel for each kind of strength; names in ``thin`` are baselines."""
    sheet = Sheet(figsize=(4.2 * len(panels), 4.6), dpi=_DPI, layout="constrained")
    every = sheet.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (label, series) in zip(every, panels, strict=True):
        for number, (name, points) in enumerate(series.items()):
            there = [(x, each) for x, each in points if each is not None]
            middle = np.array([each.value for _, each in there]) * 100
            reach = np.array([[each.value - each.low, each.high - each.value] for _, each in there]).T * 100
            axes.errorbar(
                [x for x, _ in there],
                middle,
                yerr=np.maximum(reach, 0),
                color=_COLOURS[number % len(_COLOURS)],
                marker=_MARKERS[number % len(_MARKERS)],
                markersize=5,
                linewidth=1.2 if name in thin else 2.4,
                linestyle="--" if name in thin else "-",
                capsize=3,
                label=name,
            )
        axes.set_xlabel(label)
        axes.set_ylim(0, 102)
        axes.grid(alpha=0.25)
    every[0].set_ylabel("artwork top-1, %")
    sheet.legend(*every[0].get_legend_handles_labels(), loc="outside upper center", ncols=6, frameon=False)
    return _drawn(sheet)


def bars(values: Mapping[str, Mapping[str, Figure | None]], label: str) -> Picture:
    """Draw groups of bars with intervals: group name, then series name, to a share."""
    sheet, axes = _sheet(11, 4.4)
    names = list(next(iter(values.values())))
    wide = 0.84 / len(names)
    for number, name in enumerate(names):
        there = [(place, each[name]) for place, each in enumerate(values.values())]
        axes.bar(
            [place + (number - (len(names) - 1) / 2) * wide for place, _ in there],
            [0 if each is None else each.value * 100 for _, each in there],
            wide,
            yerr=np.array([_reach(each) for _, each in there]).T,
            color=_COLOURS[number % len(_COLOURS)],
            error_kw={"linewidth": 1, "ecolor": "#444"},
            label=name,
        )
    axes.set_xticks(range(len(values)), [name.replace(", ", ",\n") for name in values])
    axes.set_ylim(0, 101)
    axes.set_ylabel(label)
    axes.grid(axis="y", alpha=0.25)
    sheet.legend(loc="outside upper center", ncols=6, frameon=False)
    return _drawn(sheet)


def times(values: Mapping[str, Values]) -> Picture:
    """Draw distributions of milliseconds."""
    sheet, axes = _sheet(8, 3.2)
    most = float(np.quantile(np.concatenate(list(values.values())), 0.98))
    least = float(min(each.min() for each in values.values()))
    for number, (name, each) in enumerate(values.items()):
        label = f"{name}: median {np.median(each):.2f} ms"
        axes.hist(
            each, bins=np.linspace(least, most, 60).tolist(), alpha=0.5, color=_COLOURS[number], label=label
        )
    axes.set_xlabel("ms for one crop")
    axes.set_ylabel("calls")
    axes.legend(frameon=False)
    return _drawn(sheet)


def _reach(figure: Figure | None) -> tuple[float, float]:
    if figure is None:
        return 0.0, 0.0
    return max(0.0, figure.value - figure.low) * 100, max(0.0, figure.high - figure.value) * 100


def _sheet(width: float, height: float) -> tuple[Sheet, Any]:
    sheet = Sheet(figsize=(width, height), dpi=_DPI, layout="constrained")
    return sheet, sheet.subplots()


def _drawn(sheet: Sheet) -> Picture:
    canvas: Any = FigureCanvasAgg(sheet)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[:, :, :3].copy()
