"""The accept rule, calibrated for one gallery and one model whenever a database is built.

Captures of a sample of the cards are simulated and searched for exactly, both ways up, as the box does it.
The margin of a capture is *genuine* with its card in the gallery. It is an *impostor* when the card's whole
artwork is taken out of the gallery first (an unknown card), when only the upside-down crop is looked at and
another artwork is nearest, or when the picture shows no card at all.

The threshold is the smallest margin that keeps the false accepts of each of the three kinds at or below their
share (:data:`thresholds.FALSE_ACCEPTS`). What tells prints of one artwork apart is measured on poor captures:
the gap that suffices on good ones named five prints of a hundred wrong on the usual ones of a renderer that
calibration does not know. Where the database has pictures, the rule for second looks is calibrated on poor
captures, too, see :mod:`calibrate_looks`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cardscanner.manifest import AcceptRule
from cardscanner.match.artworks import Artworks
from cardscanner.match.calibrate_looks import Captures, calibrate_looks
from cardscanner.match.captures import CAPTURE, CROP_PX, MILD, POOR
from cardscanner.match.gallery import Captured, Gallery, capture_cards, capture_not_cards
from cardscanner.match.margins import Scores, print_leads, scores_of
from cardscanner.match.progress import Progress
from cardscanner.match.thresholds import (
    FALSE_ACCEPTS,
    WRONG_PRINTS,
    share_of,
    smallest_gap,
    smallest_threshold,
)
from cardscanner.ports import Embedder
from cardscanner.verify.stored import Pictures

SMALL_GALLERY = 30
SMALL_GALLERY_FLOOR = 0.5
"""Least threshold for fewer than 30 cards.

So few cards say little about strangers: on galleries of 2 to 20 real references the margin that only 0.5 % of
other cards reach was 0.47 to 0.55 (EfficientNet-Lite0 features, centred), and their own leave-one-out
estimate scattered between 0.29 and 0.60.
"""
DEFAULT_PRINT_GAP = 0.02
"""For galleries in which no two cards share an artwork."""
LEAST_PRINT_GAP = 0.002
"""What float16 storage and two search backends may differ by."""

_CARDS = 400
_CAPTURES = 800
_MILD_CARDS = 200
_PRINT_CAPTURES = 200
_NOT_CARDS = 400
_MOST_CAPTURES_OF_ONE = 20
_LOOKS = 400
_MOST_LOOKS_OF_ONE = 8
_NO_CARD_STEP = 4
"""Second looks take longer than searches, and no pattern without a card comes near the threshold."""


def measure_artwork_limit(gallery: Gallery, embedder: Embedder, seed: int, progress: Progress) -> float:
    """Return the cosine above which two references are one artwork; see :mod:`artworks`."""
    cards = _sample(len(gallery.stored), _MILD_CARDS, _MILD_CARDS, seed)
    with progress.counting(len(cards), "measuring how close prints may be") as one_more:
        good = capture_cards(gallery, cards, MILD, embedder, seed, one_more)
    own = np.asarray(gallery.stored[cards], dtype=np.float32)
    return float(np.quantile((own * good.upright).sum(axis=1), 0.25))


def calibrate(
    gallery: Gallery,
    artworks: Artworks,
    embedder: Embedder,
    seed: int,
    progress: Progress,
    pictures: Pictures | None = None,
) -> AcceptRule:
    """Return the accept rule with everything that was found on the way in ``calibration``.

    With the database's ``pictures``, it has a rule for second looks too.
    """
    trial = AcceptRule(threshold=0.0, print_gap=0.0)
    cards = _sample(len(artworks), _CARDS, _CAPTURES, seed)
    twins = _twins(gallery, artworks, seed)
    with progress.counting(len(cards) + len(twins), "calibrating on simulated captures") as one_more:
        captured = capture_cards(gallery, cards, CAPTURE, embedder, seed + 1, one_more)
        captured_twins = capture_cards(gallery, twins, POOR, embedder, seed + 2, one_more, CROP_PX)
    no_cards = capture_not_cards(_NOT_CARDS, embedder, seed + 3)
    evidence = _evidence(gallery, artworks, captured, no_cards, trial)
    threshold = _threshold(evidence, len(artworks))
    gap, prints = _print_gap(gallery, artworks, captured_twins)
    found = {
        "target_false_accepts": FALSE_ACCEPTS["unknown"],
        "seed": seed,
        "cards": len(np.unique(cards)),
        **evidence.rates(threshold),
        **prints,
        "strengths": str(CAPTURE),
    }
    rule = AcceptRule(threshold=threshold, print_gap=gap, calibration=found)
    if pictures is None:
        return rule
    some = cards[:: _step(cards, min(_LOOKS, _MOST_LOOKS_OF_ONE * len(np.unique(cards))))]
    with progress.counting(len(some), "calibrating on poor captures") as one_more:
        poor = capture_cards(gallery, some, POOR, embedder, seed + 4, one_more, CROP_PX)
    captures = Captures(poor, captured_twins, no_cards.every(_NO_CARD_STEP))
    least = SMALL_GALLERY_FLOOR if len(artworks) < SMALL_GALLERY else 0.0
    with progress.counting(len(captures), "calibrating second looks") as one_more:
        looks = calibrate_looks(gallery, artworks, captures, pictures, rule, least, one_more)
    return rule.model_copy(update={"verify": looks})


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Margins of all captures, by kind."""

    genuine: Scores
    own: Artworks
    """Artwork that each genuine capture shows."""
    unknown: NDArray[np.float64]
    upside_down: NDArray[np.float64]
    not_cards: NDArray[np.float64]

    def impostors(self) -> dict[str, NDArray[np.float64]]:
        """Return impostor margins by kind."""
        return {"unknown": self.unknown, "upside_down": self.upside_down, "not_cards": self.not_cards}

    def rates(self, threshold: float) -> dict[str, float | int | str]:
        """Return what happens at a threshold."""
        accepted = self.genuine.margins >= threshold
        right = self.genuine.artworks == self.own
        found: dict[str, float | int | str] = {
            "captures": len(right),
            "accepted": share_of(accepted & right),
            "accepted_wrong": share_of(accepted & ~right),
            "genuine_margin_median": round(float(np.median(self.genuine.margins)), 4),
        }
        for kind, margins in self.impostors().items():
            found[f"{kind}_captures"] = len(margins)
            found[f"{kind}_accepted"] = share_of(margins >= threshold)
        return found


def _evidence(
    gallery: Gallery,
    artworks: Artworks,
    captured: Captured,
    no_cards: Captured,
    rule: AcceptRule,
) -> Evidence:
    own = artworks[captured.cards]
    turned_only = scores_of(gallery.exact, artworks, (captured.upside_down,), rule)
    return Evidence(
        genuine=scores_of(gallery.exact, artworks, captured.both_ways, rule),
        own=own,
        unknown=scores_of(gallery.exact, artworks, captured.both_ways, rule, hidden=own).margins,
        upside_down=np.where(turned_only.artworks == own, -1.0, turned_only.margins),
        not_cards=scores_of(gallery.exact, artworks, no_cards.both_ways, rule).margins,
    )


def _threshold(evidence: Evidence, cards: int) -> float:
    found = max(
        smallest_threshold(margins, FALSE_ACCEPTS[kind]) for kind, margins in evidence.impostors().items()
    )
    return max(found, SMALL_GALLERY_FLOOR if cards < SMALL_GALLERY else 0.0)


def _print_gap(
    gallery: Gallery, artworks: Artworks, twins: Captured
) -> tuple[float, dict[str, float | int | str]]:
    leads, right = print_leads(gallery, artworks, twins)
    if not len(leads):
        return DEFAULT_PRINT_GAP, {"print_captures": 0}
    gap = max(LEAST_PRINT_GAP, smallest_gap(leads, right, WRONG_PRINTS))
    answered = leads >= gap
    return gap, {
        "print_captures": len(leads),
        "print_answered": share_of(answered),
        "print_wrong": share_of(answered & ~right),
    }


def _sample(size: int, most: int, captures: int, seed: int) -> NDArray[np.int64]:
    """Return up to ``most`` different cards, repeated so that there are about ``captures`` of them."""
    cards = np.random.default_rng(seed).choice(size, min(most, size), replace=False)
    return np.repeat(cards, min(_MOST_CAPTURES_OF_ONE, -(-captures // len(cards))))


def _step(cards: NDArray[np.int64], most: int) -> int:
    return max(1, -(-len(cards) // most))


def _twins(gallery: Gallery, artworks: Artworks, seed: int) -> NDArray[np.int64]:
    """Return up to 200 rows of cards that share their artwork with another card."""
    _, first_rows = np.unique(gallery.owner_of(np.arange(len(artworks))), return_index=True)
    shared = np.flatnonzero(np.bincount(artworks[first_rows])[artworks] > 1)
    if not len(shared):
        return shared
    return shared[_sample(len(shared), _PRINT_CAPTURES, _PRINT_CAPTURES, seed)]
