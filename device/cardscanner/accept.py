"""The accept rule: when the nearest reference is believed, and when two prints cannot be told apart.

The margin (best cosine minus the mean cosine of the following artworks) separates known from unknown cards
far better than the best cosine alone and moves little when the gallery grows; it is the "top-1 minus mean of
ranks 2 to 11" score, with reprints collapsed to one artwork first so that a reprint cannot cancel its twin.

Where the best candidates were looked at again (:mod:`cardscanner.verify`), the margin and the score of that
look are weighed together, and each may tell prints of one artwork apart. Where neither does, the collector
number may, if it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cardscanner.collector_number import print_named
from cardscanner.manifest import AcceptRule, VerifyRule
from cardscanner.records import Candidate, Card, Decision, Neighbour, Verdict

CardOf = Callable[[int], Card]
"""Looks up the card of an index row."""


def judge(neighbours: Sequence[Neighbour], card_of: CardOf, rule: AcceptRule, top: int = 5) -> Verdict:
    """Say ``match``, ``ambiguous`` or ``no_match`` for neighbours sorted best first."""
    return judge_prints(best_prints(neighbours, card_of), rule, top)


def judge_prints(prints: Sequence[Candidate], rule: AcceptRule, top: int = 5) -> Verdict:
    """Say the same for cards, best first, by their vectors alone."""
    if not prints:
        return Verdict("no_match", 0.0, 0.0, ())
    margin = artwork_margin(prints, rule)
    if margin < rule.threshold:
        return Verdict("no_match", prints[0].score, margin, tuple(prints[:top]))
    twins = [each for each in prints if each.card.artwork == prints[0].card.artwork]
    unclear = [each for each in twins if twins[0].score - each.score < rule.print_gap]
    return _answer(prints, unclear, margin, top)


def judge_checked(prints: Sequence[Candidate], rule: AcceptRule, top: int = 5) -> Verdict:
    """Say the same for prints of which the first were looked at again.

    Without a rule for second looks, or when nothing was looked at, vectors alone decide.
    """
    if rule.verify is None or not any(each.check for each in prints):
        return judge_prints(prints, rule, top)
    name, evidence = strongest(prints, rule, rule.verify)
    twins = _of_artwork(prints, name)
    ordered = [*twins, *(each for each in prints if each.card.artwork != name)]
    margin = margin_of(name, prints, rule)
    if evidence < rule.verify.threshold:
        return Verdict("no_match", ordered[0].score, margin, tuple(ordered[:top]))
    possible = _possible(twins, rule, rule.verify)
    return _answer(ordered, possible if len(possible) < 2 else _by_number(twins) or possible, margin, top)


def strongest(prints: Sequence[Candidate], rule: AcceptRule, verify: VerifyRule) -> tuple[int, float]:
    """Return the artwork that vectors put first, and how much margin and second look speak for it.

    The look does not choose another artwork: on photographs that took a right answer away and gave none.
    """
    name = prints[0].card.artwork
    scores = [each.check.score for each in prints if each.check and each.card.artwork == name]
    return name, margin_of(name, prints, rule) + verify.weight * max(scores, default=0.0)


def artwork_margin(prints: Sequence[Candidate], rule: AcceptRule) -> float:
    """Return the margin of the best artwork; see :func:`margin_of`."""
    return margin_of(prints[0].card.artwork, prints, rule)


def margin_of(name: int, prints: Sequence[Candidate], rule: AcceptRule) -> float:
    """Score of an artwork minus the mean score of the other ones at ranks ``first_rank`` to ``last_rank``.

    With fewer artworks than that, the mean runs over those there are; with none, the margin is the score.
    """
    best: dict[int, float] = {}
    for each in prints:
        best.setdefault(each.card.artwork, each.score)
    own = best.pop(name)
    rest = list(best.values())[rule.first_rank - 2 : rule.last_rank - 1]
    return own - (sum(rest) / len(rest) if rest else 0.0)


def best_prints(neighbours: Sequence[Neighbour], card_of: CardOf) -> list[Candidate]:
    """Return the cards of neighbours, best first; several reference views of one count once, by the best."""
    best: dict[str, Candidate] = {}
    for neighbour in neighbours:
        card = card_of(neighbour.row)
        best.setdefault(card.card_id, Candidate(card, neighbour.cosine, neighbour.row))
    return list(best.values())


def _of_artwork(prints: Sequence[Candidate], name: int) -> list[Candidate]:
    """Return the prints of an artwork, the most likely first."""
    twins = [each for each in prints if each.card.artwork == name]
    return sorted(twins, key=_lead, reverse=True)


def _lead(print_: Candidate) -> float:
    """What was not looked at stands behind what was; where nothing was, the order by score stays."""
    if print_.check is None:
        return -2.0
    return 0.0 if print_.check.lead is None else print_.check.lead


def _possible(twins: Sequence[Candidate], rule: AcceptRule, verify: VerifyRule) -> list[Candidate]:
    """Return the prints of an artwork that the answer may be, the likeliest first.

    Vector and look are two witnesses: the vector sees colour and all of the card, the look what is small.
    Either may name a print, if it is sure; when they name different ones, nobody knows.
    """
    by_vector = sorted(twins, key=lambda each: each.score, reverse=True)
    by_look = sorted(twins, key=_lead, reverse=True)
    near = [each for each in by_vector if by_vector[0].score - each.score < rule.print_gap]
    told = [each for each in by_look if each.check is not None and each.check.lead is not None]
    if not told or (told[0].check and (told[0].check.lead or 0.0) < verify.print_lead):
        return near if len(near) == 1 else [*told, *(each for each in near if each not in told)]
    unseen = [each for each in near if each.check is None]
    contradicting = near if len(near) == 1 and near[0] is not told[0] else []
    return [told[0], *contradicting, *(each for each in unseen if each not in contradicting)]


def _by_number(twins: Sequence[Candidate]) -> list[Candidate]:
    """Return the print that the number on the card names; empty when it was not read or names none."""
    read = twins[0].check.number if twins[0].check else None
    place = None if read is None else print_named(read, [each.card.metadata.get("number") for each in twins])
    return [] if place is None else [twins[place]]


def _answer(prints: Sequence[Candidate], unclear: Sequence[Candidate], margin: float, top: int) -> Verdict:
    decision: Decision = "ambiguous" if len(unclear) > 1 else "match"
    others = [each for each in prints if each not in unclear]
    listed = [*unclear, *others][: max(top, len(unclear))]
    return Verdict(decision, listed[0].score, margin, tuple(listed))
