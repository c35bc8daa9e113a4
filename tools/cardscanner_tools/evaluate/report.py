"""The report: the acceptance table first, then each suite's tables, charts and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cardscanner.page import Page
from cardscanner_tools.evaluate.findings import Findings
from cardscanner_tools.evaluate.verdicts import Row

_LEAD = (
    "Figures carry 95 % intervals: Wilson's for shares, order statistics for quantiles, else bootstrap. "
    '"Within error" means that the interval reaches over the target. Baselines saw the very same crops.'
)
_WORDS = {
    "catalogue": "Rendered cards from a seed that no training uses, captured under named conditions.",
    "photos": "Real photographs. A card that is not found counts as wrong. Nothing was fitted to the labels.",
    "noncards": "What is no card of the game, against each gallery, with that gallery's calibrated rule.",
    "reprints": "Prints that share an artwork; the artwork is asked first, then the print.",
    "looks": "The same views judged by their vector alone and with a second look at the best candidates.",
    "latency": "The embedder's own cost on top of ONNX Runtime.",
}


def write_report(
    out: Path, run: Mapping[str, Any], rows: Sequence[Row], findings: Sequence[Findings]
) -> Path:
    """Write the page; return its path."""
    page = Page(out, f"Evaluation of {run['model']}")
    page.words(_LEAD)
    page.table(["run", ""], [[key, value] for key, value in run.items()])
    page.heading("Acceptance")
    page.table(
        ["criterion", "target", "measured (95 % interval)", "verdict", "note"],
        [[row.criterion, row.target, row.figure, _verdict(row), row.note] for row in rows],
    )
    for found in findings:
        page.heading(f"Suite {found.name}")
        page.words(_WORDS[found.name])
        for note in found.notes:
            page.words(note)
        for caption, picture in found.charts:
            page.chart(caption, picture)
        for title, heads, cells in found.tables:
            page.words(title)
            page.table(heads, cells)
        for title, shown in found.galleries:
            page.words(title)
            page.gallery(shown)
    return page.write()


def _verdict(row: Row) -> str:
    return row.verdict + (" (within error)" if row.sure is False else "")
