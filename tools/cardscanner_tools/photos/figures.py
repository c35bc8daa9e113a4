"""From outcomes to figures: found, right, wrongly accepted; overall, by language and by tag."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cardscanner_tools.photos.evaluation import HASH_SIDES, Outcome

Figures = dict[str, int | float | None]


def figures_of(outcomes: Sequence[Outcome]) -> Figures:
    """Return the figures of one group of labelled cards.

    Rates over known cards count a card that was not found as wrong. ``art_*`` asks for the illustration,
    ``exact`` for the very print (only cards whose print is in the gallery). ``wrong_accepts`` are known cards
    reported as another artwork, ``false_accepts`` unknown cards reported as any card. ``print_right`` and
    ``print_wrong`` are exact cards of which one print was named with certainty.
    """
    known = [each for each in outcomes if each.label and each.label.level != "unknown"]
    exact = [each for each in known if each.label and each.label.level == "exact"]
    unknown = [each for each in outcomes if each.label and each.label.level == "unknown"]
    hashes = {f"phash{side * side}_art_top1": _rate(known, _hash_hit(side)) for side in HASH_SIDES}
    return {
        "cards": len(outcomes),
        "found": _rate(outcomes, lambda each: each.sighting is not None),
        "known": len(known),
        "art_top1": _rate(known, lambda each: _art_hit(each, 1)),
        "art_top5": _rate(known, lambda each: _art_hit(each, 5)),
        "exact_cards": len(exact),
        "exact_top1": _rate(exact, _exact_hit),
        "print_right": _rate(exact, lambda each: _named(each) and _exact_hit(each)),
        "print_wrong": _rate(exact, lambda each: _named(each) and not _exact_hit(each)),
        "accepted_right": _rate(known, lambda each: accepted(each) and _art_hit(each, 1)),
        "wrong_accepts": _rate(known, lambda each: accepted(each) and not _art_hit(each, 1)),
        "unknown": len(unknown),
        "false_accepts": _rate(unknown, accepted),
        **hashes,
    }


def groups(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """Sort labelled cards by language and by tag; a card with several tags stands in several groups."""
    result: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.label is None:
            continue
        for name in (f"lang {outcome.label.lang}", *(f"tag {tag}" for tag in outcome.label.tags)):
            result.setdefault(name, []).append(outcome)
    return dict(sorted(result.items()))


def accepted(outcome: Outcome) -> bool:
    """Whether the product would have reported a card."""
    return outcome.verdict is not None and outcome.verdict.decision != "no_match"


def is_failure(outcome: Outcome) -> str | None:  # noqa: PLR0911 - a list of cases
    """Return in a word what went wrong with a labelled card, or ``None``."""
    if outcome.label is None:
        return "accepted where no card is labelled" if accepted(outcome) else None
    if outcome.label.level == "unknown":
        return "false accept" if accepted(outcome) else None
    if outcome.sighting is None:
        return "not found"
    if not _art_hit(outcome, 1):
        return "wrong accept" if accepted(outcome) else "wrong, rejected"
    if not accepted(outcome):
        return "right, rejected"
    if outcome.label.level == "exact" and not _exact_hit(outcome):
        return "right artwork, other print"
    return None


def without_looks(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes as they would have been by vectors alone."""
    return [replace(each, verdict=each.by_vectors) for each in outcomes]


def _named(outcome: Outcome) -> bool:
    return outcome.verdict is not None and outcome.verdict.decision == "match"


def _art_hit(outcome: Outcome, rank: int) -> bool:
    if outcome.verdict is None or outcome.label is None:
        return False
    return any(each.card.card_id in outcome.label.art_ids for each in outcome.verdict.candidates[:rank])


def _exact_hit(outcome: Outcome) -> bool:
    if outcome.verdict is None or outcome.label is None:
        return False
    return any(each.card.card_id in outcome.label.card_ids for each in outcome.verdict.candidates[:1])


def _hash_hit(side: int) -> Callable[[Outcome], bool]:
    def hit(outcome: Outcome) -> bool:
        nearest = outcome.hashes.get(side, [])
        return outcome.label is not None and any(each in outcome.label.art_ids for each in nearest[:1])

    return hit


def _rate(outcomes: Sequence[Outcome], right: Callable[[Outcome], bool]) -> float | None:
    """Share of outcomes, ``None`` where there are none."""
    return round(sum(right(each) for each in outcomes) / len(outcomes), 4) if outcomes else None
