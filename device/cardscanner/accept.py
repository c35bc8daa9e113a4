"""The accept rule: when the nearest reference is believed, and when two prints cannot be told apart.

The margin (best cosine minus the mean cosine of the following artworks) separates known from unknown cards
far better than the best cosine alone and moves little when the gallery grows; it is the "top-1 minus mean of
ranks 2 to 11" score, with reprints collapsed to one artwork first so that a reprint cannot cancel its twin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cardscanner.manifest import AcceptRule
from cardscanner.records import Candidate, Card, Neighbour, Verdict

CardOf = Callable[[int], Card]
"""Looks up the card of an index row."""


def judge(neighbours: Sequence[Neighbour], card_of: CardOf, rule: AcceptRule, top: int = 5) -> Verdict:
    """Say ``match``, ``ambiguous`` or ``no_match`` for neighbours sorted best first."""
    prints = _best_per_card(neighbours, card_of)
    if not prints:
        return Verdict("no_match", 0.0, 0.0, ())
    margin = artwork_margin(prints, rule)
    score = prints[0].score
    if margin < rule.threshold:
        return Verdict("no_match", score, margin, tuple(prints[:top]))
    twins = [each for each in prints if each.card.artwork == prints[0].card.artwork]
    unclear = [each for each in twins if score - each.score < rule.print_gap]
    if len(unclear) > 1:
        others = [each for each in prints if each not in unclear]
        return Verdict("ambiguous", score, margin, tuple([*unclear, *others][: max(top, len(unclear))]))
    return Verdict("match", score, margin, tuple(prints[:top]))


def artwork_margin(prints: Sequence[Candidate], rule: AcceptRule) -> float:
    """Best score minus the mean score of the artworks at ranks ``first_rank`` to ``last_rank``.

    With fewer artworks than that, the mean runs over those there are; with none, the margin is the score.
    """
    best: dict[int, float] = {}
    for each in prints:
        best.setdefault(each.card.artwork, each.score)
    scores = list(best.values())
    rest = scores[rule.first_rank - 1 : rule.last_rank]
    return scores[0] - (sum(rest) / len(rest) if rest else 0.0)


def _best_per_card(neighbours: Sequence[Neighbour], card_of: CardOf) -> list[Candidate]:
    """Several reference views of one card count once, by the best."""
    best: dict[str, Candidate] = {}
    for neighbour in neighbours:
        card = card_of(neighbour.row)
        best.setdefault(card.card_id, Candidate(card, neighbour.cosine))
    return list(best.values())
