"""What the finder sees on pictures whose cards are known: the material that its scores are fitted to."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cardscanner.detect.candidates import propose
from cardscanner.detect.effort import LIVE, THOROUGH, Effort
from cardscanner.detect.evidence import evidence
from cardscanner.detect.field import gradient_field
from cardscanner.detect.finder import find_quads
from cardscanner.detect.glance import glance_features
from cardscanner.detect.judging import Judged, refined_and_judged
from cardscanner.detect.profiles import Sides
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.score import Network, Pruning
from cardscanner.pictures import read_picture
from cardscanner_tools.finder.examples import Example
from cardscanner_tools.finder.truth import overlaps

Floats = NDArray[np.float32]
_UNDECIDED = 0.3
"""Score of every quad before there is a network: neighbouring readings are tried, pages not continued."""
_MOST_RIGHT, _MOST_WRONG = 60, 150
RIGHT, WRONG = 0.87, 0.78
"""Overlap from which a proposal is right, and below which it is wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Quads of one picture."""

    names: tuple[str, ...]
    features: Floats
    """(N, F)."""
    overlap: Floats
    """(N,) intersection over union with the card that fits best."""
    cards: int
    weight: float


def effort_for(example: Example) -> Effort:
    """Return one of the two efforts: the scores serve both."""
    return LIVE if zlib.crc32(example.path.name.encode()) % 2 else THOROUGH


def proposal_record(example: Example) -> Record | None:
    """Return some right and some wrong proposals of a picture, none when there are no lines in it."""
    field = gradient_field(Pyramid(read_picture(example.path)), effort_for(example).side_px)
    proposals = propose(field, effort_for(example))
    if len(proposals.corners) == 0:
        return None
    quads = ((proposals.corners + 0.5) / field.scale - 0.5).astype(np.float32)
    overlap, _ = overlaps(quads, example.truths)
    some = proposals.take(chosen := _sample(overlap, example))
    features = glance_features(field, Sides.of(some.corners), some.covered)
    return _record(features, overlap[chosen], example)


def _sample(overlap: Floats, example: Example) -> NDArray[np.int64]:
    rng = np.random.default_rng(zlib.crc32(example.path.name.encode()))
    right, wrong = np.flatnonzero(overlap >= RIGHT), np.flatnonzero(overlap < WRONG)
    return np.concatenate([rng.permutation(right)[:_MOST_RIGHT], rng.permutation(wrong)[:_MOST_WRONG]])


def judged_record(pruning: Pruning, card: Network | None, example: Example) -> Record | None:
    """Return every quad that is judged while ``card`` decides what is looked at next."""
    seen: list[tuple[dict[str, Floats], Floats]] = []

    def look(pyramid: Pyramid, refined: Floats) -> Judged:
        features, profile = evidence(pyramid, refined)
        seen.append((features, overlaps(refined, example.truths)[0]))
        score = np.full(len(refined), _UNDECIDED, np.float32) if card is None else card(features)
        return Judged(refined, score, profile)

    def judge(pyramid: Pyramid, corners: Floats) -> Judged:
        return refined_and_judged(pyramid, corners, partial(look, pyramid))

    find_quads(read_picture(example.path), effort_for(example), judge, pruning)
    if not seen:
        return None
    features = {name: np.concatenate([each[name] for each, _ in seen]) for name in seen[0][0]}
    return _record(features, np.concatenate([overlap for _, overlap in seen]), example)


def _record(features: dict[str, Floats], overlap: Floats, example: Example) -> Record:
    columns = np.stack(list(features.values()), axis=1).astype(np.float32)
    finite = np.nan_to_num(columns, nan=0, posinf=20, neginf=-20)
    return Record(tuple(features), finite, overlap, len(example.truths), example.weight)
