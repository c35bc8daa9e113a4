"""Figures of one encoder on one gallery: what is right, and how unknown cards are kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner_tools.evaluate.cases import Case
from cardscanner_tools.evaluate.figures import Figure, accepted_at, auroc, share
from cardscanner_tools.evaluate.ranking import Ranking
from cardscanner_tools.evaluate.references import CORE, RealReferences

NOT_FOUND = -1.0
"""Margin and similarity of a card that was not found: it can neither be right nor be accepted."""


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Some rows of the references, and what is right in them."""

    name: str
    rows: NDArray[np.int64]
    ids: list[str]

    @classmethod
    def of(cls, references: RealReferences, name: str) -> Gallery:
        """Take all references, or those of one value of the column ``gallery``."""
        rows = references.rows(name)
        return cls(name, rows, [references.references[int(row)].card_id for row in rows])

    def right(self, cases: Sequence[Case], *, exact: bool = False) -> list[set[int]]:
        """Return for each case the right rows of this gallery; none for unknown cards."""
        row_of = {name: row for row, name in enumerate(self.ids)}
        wanted = [each.label.card_ids if exact else each.label.art_ids for each in cases]
        return [{row_of[name] for name in names if name in row_of} for names in wanted]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """(N,) what was answered to each case, cards that were not found included."""

    art1: NDArray[np.bool_]
    art5: NDArray[np.bool_]
    exact1: NDArray[np.bool_]
    margins: NDArray[np.float64]
    nearest: NDArray[np.float64]


def answers_of(
    cases: Sequence[Case], ranking: Ranking, gallery: Gallery, artworks: NDArray[np.int64]
) -> Answers:
    """Spread the answers of the cases that were found over all of them."""
    found = np.array([each.corners is not None for each in cases], dtype=bool)
    there = [each for each in cases if each.corners is not None]
    art, exact = gallery.right(there), gallery.right(there, exact=True)

    def spread(values: NDArray[Any], absent: float) -> NDArray[Any]:
        every = np.full(len(cases), absent, dtype=values.dtype)
        every[found] = values
        return every

    return Answers(
        spread(ranking.hits(art, 1), False),
        spread(ranking.hits(art, 5), False),
        spread(ranking.hits(exact, 1), False),
        spread(ranking.margins(artworks[gallery.rows]), NOT_FOUND),
        spread(ranking.scores[:, 0].astype(np.float64), NOT_FOUND),
    )


def kinds(cases: Sequence[Case], gallery: Gallery) -> dict[str, NDArray[np.bool_]]:
    """Sort cases: known here, with their exact print here, unknown, known only in another gallery.

    The last are neither known nor fairly called unknown (a print in another language lies elsewhere in the
    references), so they count in neither and get a row of their own.
    """
    right = np.array([bool(each) for each in gallery.right(cases)], dtype=bool)
    exact = np.array([bool(each) for each in gallery.right(cases, exact=True)], dtype=bool)
    unknown = np.array([each.label.level == "unknown" for each in cases], dtype=bool)
    return {"known": right, "exact": exact & right, "unknown": unknown, "elsewhere": ~right & ~unknown}


def recognition(cases: Sequence[Case], answers: Answers, gallery: Gallery) -> dict[str, Figure | None]:
    """Return shares of known cards that are right, and how far unknown ones score below them."""
    kind = kinds(cases, gallery)
    known, unknown = kind["known"], kind["unknown"]
    right = np.where(answers.art1, answers.margins, NOT_FOUND)
    return {
        "art_top1": share(answers.art1[known]),
        "art_top5": share(answers.art5[known]),
        "exact_top1": share(answers.exact1[kind["exact"]]),
        "auroc": auroc(answers.margins[known], answers.margins[unknown]),
        "auroc_nearest": auroc(answers.nearest[known], answers.nearest[unknown]),
        "accepted_at_1_percent": accepted_at(answers.margins[known], answers.margins[unknown]),
        "accepted_at_1_percent_nearest": accepted_at(answers.nearest[known], answers.nearest[unknown]),
        "accepted_and_right_at_1_percent": accepted_at(right[known], answers.margins[unknown]),
    }


def elsewhere(cases: Sequence[Case], answers: Answers, gallery: Gallery) -> dict[str, Any]:
    """Return the row of cards whose only right answers are outside this gallery."""
    kind = kinds(cases, gallery)
    those, unknown = kind["elsewhere"], answers.margins[kind["unknown"]]
    return {
        "cards": int(those.sum()),
        "accepted_at_1_percent_of_unknown": accepted_at(answers.margins[those], unknown),
        "what": f"labelled cards whose only right answers are references outside {CORE}"
        if gallery.name == CORE
        else "labelled cards without a right answer among these references",
    }
