"""Checking the candidates of one card against their stored pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cardscanner.records import Candidate, Check, Corners, Picture
from cardscanner.verify.blocks import FINE, Window, agreement, block_statistics, window
from cardscanner.verify.prints import PrintTeller
from cardscanner.verify.settle import settled, worth
from cardscanner.verify.stored import Grey, Pictures, Values
from cardscanner.verify.view import Points, View, in_picture, look_at

CANDIDATES = 5
"""Prints that are looked at again, the best of the vector search."""

_SATURATED = 250
_MOST_SATURATED = 0.3
"""Share of a block that may be white before it is glare."""
_KEPT = 0.85
"""Share of the evidence that counts, the best of it: fingers agree with nothing."""
_LEAST_OWN = 0.02
_SURELY = 0.6
"""With this score of the best candidate, the outline is not settled on it again."""
_BETTER = 0.15
"""Nor if it is not better than the first one by this much."""

OwnMap = Callable[[int], Values]
"""How far the card of a row differs from those that look like it; see :meth:`StoredPictures.own`."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A view through one outline."""

    outline: Points
    half: Window
    glare: Values
    """Share of each block that is white."""


class Verifier:
    """Owned by one thread, like the file that it reads."""

    def __init__(self, pictures: Pictures, own: OwnMap | None = None) -> None:
        self._pictures = pictures
        self._own = own or pictures.own
        self._teller = PrintTeller(pictures)

    def checked(
        self, picture: Picture, corners: Corners, prints: Sequence[Candidate]
    ) -> tuple[Candidate, ...]:
        """Return the candidates, best first as they came, the first few of them with what a second look says.

        ``corners`` begin at the top left of the upright card and may be off by a tenth of its width.

        Raises
        ------
        ArtifactError
            A stored picture is damaged.
        """
        return self.settled(picture, corners, prints)[0]

    def settled(
        self, picture: Picture, corners: Corners, prints: Sequence[Candidate]
    ) -> tuple[tuple[Candidate, ...], Corners]:
        """Return what :meth:`checked` does, and the outline that it settled."""
        looked = {each.row: each for each in prints[:CANDIDATES] if each.row is not None}
        if not looked:
            return tuple(prints), corners
        checks, outline = self._looked_at(look_at(picture, corners), looked)
        return tuple(_with_check(each, checks) for each in prints), in_picture(outline, corners)

    def _looked_at(self, view: View, looked: Mapping[int, Candidate]) -> tuple[dict[int, Check], Points]:
        """Return what a look at each of the candidates says, by their rows, and where the card lies.

        The first candidate is the likeliest.
        """
        first = next(iter(looked))
        halves = {row: self._pictures.half(row) for row in looked}
        seen = _through(view, settled(view, halves[first]))
        faces = {row: view.as_seen(half) for row, half in halves.items()}
        found = {row: self._compare(row, face, seen) for row, face in faces.items()}
        best = max(found, key=lambda row: found[row][0])
        if found[first][0] + _BETTER < found[best][0] < _SURELY:
            seen = _through(view, settled(view, halves[best]))
            found[best] = max(found[best], self._compare(best, faces[best], seen))
        leads = self._leads(view, seen.outline, looked, best)
        checks = {row: Check(score, share, leads.get(row)) for row, (score, share) in found.items()}
        return checks, seen.outline

    def _compare(self, row: int, half: Grey, seen: _Seen) -> tuple[float, float]:
        """Return score and share of one candidate; ``half`` is as sharp as the camera's picture."""
        evidence = worth(half, FINE) * np.maximum(self._own(row), _LEAST_OWN)
        clear = np.where(seen.glare <= _MOST_SATURATED, evidence, 0.0)
        agreed = np.maximum(agreement(half, seen.half), 0.0)
        order = np.argsort(-agreed, kind="stable")
        so_far = np.cumsum(clear[order])
        kept = order[: int(np.searchsorted(so_far, _KEPT * so_far[-1])) + 1]
        total = float(clear[kept].sum())
        if total <= 0:
            return 0.0, 0.0
        return float(clear[kept] @ agreed[kept]) / total, total / float(evidence.sum())

    def _leads(
        self, view: View, outline: Points, looked: Mapping[int, Candidate], best: int
    ) -> dict[int, float]:
        """Return the leads of the prints that share the artwork of the best candidate."""
        name = looked[best].card.artwork
        twins = [best, *(row for row, each in looked.items() if each.card.artwork == name and row != best)]
        if len(twins) < 2:
            return {}
        leads = self._teller.leads(view, outline, twins)
        return {} if leads is None else dict(zip(twins, leads, strict=True))


def _with_check(print_: Candidate, checks: Mapping[int, Check]) -> Candidate:
    if print_.row is None or print_.row not in checks:
        return print_
    return Candidate(print_.card, print_.score, print_.row, checks[print_.row])


def _through(view: View, outline: Points) -> _Seen:
    half = view.cut(outline, 1, FINE.reach_px)
    rim = FINE.reach_px
    white = (half[rim:-rim, rim:-rim] >= _SATURATED).astype(np.uint8)
    return _Seen(outline, window(half, FINE), block_statistics(white, FINE)[0])
