"""The rule for second looks, calibrated on simulated captures like the rule for vectors, but poor ones.

Each capture is looked at as the box looks at it, with its card in the gallery and with its whole artwork
taken out. The look's score adds half of what the margin does (:data:`_SCORE_COUNTS`). The threshold is the
smallest evidence that at most a fixed share of the strangers reach, of each kind, as for the margin alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.accept import margin_of, strongest
from cardscanner.manifest import AcceptRule, VerifyRule
from cardscanner.match.artworks import Artworks
from cardscanner.match.gallery import Captured, Gallery
from cardscanner.match.looks import looked_at
from cardscanner.match.thresholds import (
    FALSE_ACCEPTS,
    WRONG_PRINTS,
    share_of,
    smallest_gap,
    smallest_threshold,
)
from cardscanner.records import Candidate
from cardscanner.verify.stored import Pictures

LEAST_PRINT_LEAD = 0.012
"""Leads below this are the noise of the camera, whatever captures of this gallery said."""
DEFAULT_PRINT_LEAD = 0.03
"""For galleries in which no two cards share an artwork."""
_SCORE_COUNTS = 0.5
"""What the score adds to the margin, as a share of the margin, for an ordinary capture of a known card.

On rendered captures of a development seed in eight conditions, 1 % of strangers accepted, 96.1 % of known
cards were without it, 96.0 with this share, 95.4 with twice as much: under fingers, noise and glare the score
is the weaker witness. On real references the weakest of 400 poor captures fails by .44 standard deviations
without
it, and passes by .3 with it. Fisher's discriminant gives two to three times as much, because what sets the
threshold are strangers that show the very picture of a card that nobody labelled as its reprint.
"""

Looks = list[list[Candidate]]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Captures:
    """What the rule is calibrated on."""

    cards: Captured
    twins: Captured
    """Cards that share their artwork with another."""
    not_cards: Captured

    def __len__(self) -> int:
        """Return how many second looks they take."""
        return 2 * len(self.cards.cards) + len(self.twins.cards) + len(self.not_cards.cards)


def calibrate_looks(
    gallery: Gallery,
    artworks: Artworks,
    captures: Captures,
    pictures: Pictures,
    rule: AcceptRule,
    least_margin: float,
    one_more: Callable[[], object],
) -> VerifyRule:
    """Return the rule, with what was found on the way in ``calibration``.

    ``rule`` is that for vectors. ``least_margin``, if not 0, is what a small gallery asks for: such a margin
    at the score that an ordinary stranger gets.
    """
    own = artworks[captures.cards.cards]

    def look(what: Captured, hidden: Artworks | None = None) -> Looks:
        return _counted(looked_at(gallery, artworks, what, pictures, hidden), one_more)

    genuine = look(captures.cards)
    strangers = {"unknown": look(captures.cards, own), "not_cards": look(captures.not_cards)}
    stranger = _pairs(strangers["unknown"], rule)
    weight = _weight(_pairs(genuine, rule))
    trial = VerifyRule(weight=weight, threshold=0.0, print_lead=0.0)
    evidence = {kind: _evidence(looks, rule, trial) for kind, looks in strangers.items()}
    threshold = max(smallest_threshold(evidence[kind], FALSE_ACCEPTS[kind]) for kind in evidence)
    if least_margin > 0:
        usual = float(np.median(stranger[1])) if len(stranger[1]) else 0.0
        threshold = max(threshold, least_margin + weight * usual)
    lead, prints = _print_lead(look(captures.twins), captures.twins.cards, gallery, artworks)
    found: dict[str, float | int | str] = {
        **_rates(genuine, own, rule, trial, threshold),
        **{f"{kind}_accepted": share_of(values >= threshold) for kind, values in evidence.items()},
        **prints,
    }
    return VerifyRule(weight=weight, threshold=threshold, print_lead=lead, calibration=found)


def _counted(looks: Iterable[list[Candidate]], one_more: Callable[[], object]) -> Looks:
    kept: Looks = []
    for each in looks:
        kept.append(each)
        one_more()
    return kept


def _pairs(looks: Looks, rule: AcceptRule) -> tuple[Numbers, Numbers]:
    """Return margin and score of the candidate that vectors put first, of each capture that has one."""
    firsts = [(each[0], each) for each in looks if each and each[0].check]
    margins = [margin_of(first.card.artwork, every, rule) for first, every in firsts]
    return np.array(margins), np.array([first.check.score for first, _ in firsts if first.check])


def _weight(known: tuple[Numbers, Numbers]) -> float:
    """Return by what the score is to be multiplied before it is added to the margin."""
    margin, score = (float(np.median(each)) if len(each) else 0.0 for each in known)
    return round(_SCORE_COUNTS * max(margin, 0.0) / score, 4) if score > 0 else 0.0


def _evidence(looks: Looks, rule: AcceptRule, verify: VerifyRule) -> Numbers:
    return np.array(
        [strongest(each, rule, verify)[1] if each and each[0].check else -1.0 for each in looks], np.float64
    )


def _rates(
    genuine: Looks, own: Artworks, rule: AcceptRule, verify: VerifyRule, threshold: float
) -> dict[str, float]:
    answers = [strongest(each, rule, verify) if each and each[0].check else (-1, -1.0) for each in genuine]
    accepted = np.array([evidence >= threshold for _, evidence in answers])
    right = np.array([name for name, _ in answers]) == own
    _, scores = _pairs(genuine, rule)
    return {
        "accepted": share_of(accepted & right),
        "accepted_wrong": share_of(accepted & ~right),
        "genuine_score_median": round(float(np.median(scores)), 4) if len(scores) else 0.0,
    }


def _print_lead(
    looks: Looks, rows: NDArray[np.int64], gallery: Gallery, artworks: Artworks
) -> tuple[float, dict[str, float | int]]:
    """Return the least lead at which at most 1 % of the prints named are wrong."""
    leads, right = [], []
    owners = gallery.owner_of(np.arange(len(artworks)))
    for each, row in zip(looks, rows, strict=True):
        told = [(one.check.lead, one.row) for one in each if one.check and one.check.lead is not None]
        if told and artworks[max(told)[1]] == artworks[row]:
            leads.append(max(told)[0])
            right.append(owners[max(told)[1]] == owners[row])
    if not leads:
        return DEFAULT_PRINT_LEAD, {"print_captures": 0}
    lead = max(LEAST_PRINT_LEAD, smallest_gap(np.array(leads), np.array(right), WRONG_PRINTS))
    answered = np.array(leads) >= lead
    return lead, {
        "print_captures": len(leads),
        "print_answered": share_of(answered),
        "print_wrong": share_of(answered & ~np.array(right)),
    }
