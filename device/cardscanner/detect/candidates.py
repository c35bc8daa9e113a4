"""Where cards may be: from pixels to a few dozen promising outlines."""

from __future__ import annotations

import numpy as np

from cardscanner.detect.completion import complete_quads
from cardscanner.detect.effort import Effort
from cardscanner.detect.field import Field, Floats, gradient_field
from cardscanner.detect.glance import glance_features
from cardscanner.detect.keep import best_per_place, varied
from cardscanner.detect.lines import Lines, join_segments
from cardscanner.detect.profiles import Sides
from cardscanner.detect.proposals import Limits, Proposals, meet, no_proposals, propose_quads
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.score import PRUNING, Pruning
from cardscanner.detect.segments import straight_segments
from cardscanner.detect.shape import outline_features
from cardscanner.records import Picture

_LIMITS = Limits()
_MIN_SEGMENT = 0.02
"""Shortest segment, as a share of the longer side of the reduced picture."""
_OVERLAP = 0.2
"""Overlap of neighbouring tiles."""


def candidates(pyramid: Pyramid, effort: Effort, pruning: Pruning = PRUNING) -> Floats:
    """Return the most promising outlines (N, 4, 2) in picture pixels, sides not yet refined."""
    field = gradient_field(pyramid, effort.side_px)
    proposals = propose(field, effort)
    if len(proposals.corners) == 0:
        return proposals.corners
    score = pruning.outline(outline_features(Sides.of(proposals.corners), proposals.covered))
    glanced = proposals.take(best_per_place(proposals.corners, score, effort.per_glance, effort.glances))
    score = pruning.glance(glance_features(field, Sides.of(glanced.corners), glanced.covered))
    promising = np.flatnonzero(score > effort.min_glance)
    corners = glanced.corners[promising]
    corners = corners[varied(corners, score[promising], effort.looks, effort.per_look)]
    return ((corners + 0.5) / field.scale - 0.5).astype(np.float32)


def propose(field: Field, effort: Effort) -> Proposals:
    """Return outlines made of four lines, or of three and a guess, in the pixels of the field."""
    longest = max(field.width, field.height)
    segments = straight_segments(field, max(8.0, _MIN_SEGMENT * longest))
    return _quads_of(join_segments(segments[: effort.segments], effort.lines), effort)


def _quads_of(lines: Lines, effort: Effort) -> Proposals:
    if len(lines) < 3:
        return no_proposals()
    meetings = meet(lines, _LIMITS)
    closed = propose_quads(lines, meetings, _LIMITS, effort.quads, effort.cycles)
    open_ = complete_quads(lines, meetings, _LIMITS, effort.quads, effort.bends)
    return Proposals(
        np.concatenate([closed.corners, open_.corners]), np.concatenate([closed.covered, open_.covered])
    )


def tiled_candidates(picture: Picture, effort: Effort, pruning: Pruning = PRUNING) -> Floats:
    """Return the candidates (N, 4, 2) of overlapping tiles, each looked at like a picture of its own."""
    height, width = picture.shape[:2]
    share = 1 / (effort.tiles * (1 - _OVERLAP) + _OVERLAP)
    tile_h, tile_w = round(height * share), round(width * share)
    found = [np.zeros((0, 4, 2), dtype=np.float32)]
    for top in np.linspace(0, height - tile_h, effort.tiles).astype(int):
        for left in np.linspace(0, width - tile_w, effort.tiles).astype(int):
            tile = np.ascontiguousarray(picture[top : top + tile_h, left : left + tile_w])
            found.append(candidates(Pyramid(tile), effort, pruning) + np.array([left, top], dtype=np.float32))
    return np.concatenate(found)
