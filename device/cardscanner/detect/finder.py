"""The classical card finder: lines, quads, refined sides, evidence, neighbours, no overlaps."""

from __future__ import annotations

import numpy as np

from cardscanner.detect.candidates import candidates, tiled_candidates
from cardscanner.detect.effort import Effort
from cardscanner.detect.hops import hopped_quads
from cardscanner.detect.judging import Judge, Judged, judge_quads
from cardscanner.detect.keep import without_overlap
from cardscanner.detect.neighbours import neighbour_quads
from cardscanner.detect.profiles import Sides
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.score import PRUNING, Pruning
from cardscanner.records import Picture

_MOST = 100
_SURE = 0.4
"""Score from which a card tells where its neighbours are."""
_ROUNDS = 3
"""How often an arrangement is continued: three steps from a card in the middle reach 49 places."""
_SMALL = 0.13
"""Cards narrower than this share of the picture are worth a search in tiles."""


def find_quads(
    picture: Picture, effort: Effort, judge: Judge = judge_quads, pruning: Pruning = PRUNING
) -> Judged:
    """Return card outlines without overlaps, best first."""
    pyramid = Pyramid(picture)
    found = _apart(judge(pyramid, candidates(pyramid, effort, pruning)))
    found = _improved(pyramid, found, effort, judge)
    if effort.tiles > 1 and _shows_small_cards(pyramid, found):
        more = _apart(judge(pyramid, tiled_candidates(picture, effort, pruning)))
        found = _apart(found.with_(_improved(pyramid, more, effort, judge)))
    return _continued(pyramid, found, effort, judge)


def _apart(found: Judged) -> Judged:
    return found.take(without_overlap(found.corners, found.score, _MOST))


def _improved(pyramid: Pyramid, found: Judged, effort: Effort, judge: Judge) -> Judged:
    """Replace quads by neighbouring readings that score better, as long as there are some."""
    fresh = found
    for _ in range(effort.hops):
        fresh = fresh.take(np.flatnonzero((fresh.score > effort.hop_from) & (fresh.score < effort.hop_to)))
        if len(fresh) == 0:
            break
        before = len(found)
        together = found.with_(judge(pyramid, hopped_quads(fresh.corners, fresh.profile)))
        kept = without_overlap(together.corners, together.score, _MOST)
        found, fresh = together.take(kept), together.take(kept[kept >= before])
    return found


def _shows_small_cards(pyramid: Pyramid, found: Judged) -> bool:
    """Whether the better half of what was found is small: a page, or a table seen from afar."""
    sure = np.flatnonzero(found.score > _SURE)
    if len(sure) < 3:
        return False
    width = np.median(Sides.of(found.corners[sure]).width)
    return bool(width < _SMALL * max(pyramid.picture.shape[:2]))


def _continued(pyramid: Pyramid, found: Judged, effort: Effort, judge: Judge) -> Judged:
    """Look for more cards where a row or a page would go on."""
    height, width = pyramid.picture.shape[:2]
    for _ in range(_ROUNDS):
        sure = np.flatnonzero(found.score > _SURE)
        places = neighbour_quads(found.corners[sure], width, height)
        if len(places) == 0:
            break
        more = _improved(pyramid, _apart(judge(pyramid, places)), effort, judge)
        together = found.with_(more)
        kept = without_overlap(together.corners, together.score, _MOST)
        new = (kept >= len(found)).any()
        found = together.take(kept)
        if not new:
            break
    return found
