"""How the photos suite is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cardscanner_tools.evaluate import plots
from cardscanner_tools.evaluate.catalogue_charts import percent, shown
from cardscanner_tools.evaluate.findings import Findings

_COLUMNS = ("art_top1", "art_top5", "exact_top1", "accepted_at_1_percent", "accepted_and_right_at_1_percent")


def show_photos(
    found: Findings, encoders: Sequence[str], margins: Mapping[str, tuple[plots.Values, plots.Values]]
) -> None:
    """Add tables, bars by stress and the ROC."""
    outlines: Mapping[str, Any] = found.document["outlines"]
    for outline, galleries in outlines.items():
        for gallery, stresses in galleries.items():
            rows: list[list[object]] = [
                [stress, *(percent(by[encoder]["art_top1"]) for encoder in encoders)]
                for stress, by in stresses.items()
            ]
            size = found.document["references"][gallery]
            title = f"Artwork top-1, {outline}, {size} references ({gallery})"
            found.tables.append((title, ["stress", *encoders], rows))
    _show_model(found, outlines)
    first = next(iter(outlines))
    bars = {stress: {e: by[e]["art_top1"] for e in encoders} for stress, by in outlines[first]["all"].items()}
    found.charts.append(
        (f"{first}, all references (lines: 95 % intervals)", plots.bars(bars, "artwork top-1, %"))
    )
    given = {name: pair for name, pair in margins.items() if len(pair[0]) and len(pair[1])}
    if given:
        found.charts.append(
            ("Acceptance by margin: cards of the references against others", plots.roc(given))
        )


def _show_model(found: Findings, outlines: Mapping[str, Any]) -> None:
    rows: list[list[object]] = [
        [
            f"{outline}, {gallery}, {stress}",
            *(percent(by["model"][column]) for column in _COLUMNS),
            shown(by["model"]["auroc"]),
        ]
        for outline, galleries in outlines.items()
        for gallery, stresses in galleries.items()
        for stress, by in stresses.items()
    ]
    heads = ["", *(column.replace("_", " ") for column in _COLUMNS), "AUROC by margin"]
    found.tables.append(("The model on photographs", heads, rows))
    product: Mapping[str, Any] = found.document["product"]
    found.tables.append(
        (
            "What the box says, by the database's accept rule",
            ["", *(name.replace("_", " ") for name in next(iter(product.values())))],
            [[name, *(percent(each) for each in figures.values())] for name, figures in product.items()],
        )
    )
