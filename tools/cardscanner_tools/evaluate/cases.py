"""Labelled cards of photographs, the outlines to cut them out by, and the stresses that their crops stand."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from cardscanner.pictures import read_picture
from cardscanner.records import Corners, Picture
from cardscanner.rectify import rectify
from cardscanner_tools.evaluate.readings import Crops
from cardscanner_tools.evaluate.stresses import cover, jitter, saturate
from cardscanner_tools.photos.evaluation import Outcome
from cardscanner_tools.photos.labels import LabelledCard

_read = lru_cache(maxsize=2)(read_picture)
"""Cases of one photograph stand beside each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One labelled card."""

    photo: Path
    label: LabelledCard
    corners: Corners | None
    """``None``: it was not found."""


@dataclass(frozen=True, slots=True)
class Stress:
    """What is done to the outline or to the crop."""

    name: str
    corners: float = 0.0
    covered: float = 0.0
    glare: bool = False


AS_IS = Stress("as is")
STRESSES = (
    AS_IS,
    Stress("20 % occluded", covered=0.2),
    Stress("glare", glare=True),
    Stress("corners 3%", corners=0.03),
    Stress("corners 6%", corners=0.06),
)


def cases_of(outcomes: Iterable[Outcome]) -> list[Case]:
    """Return the labelled cards that count for recognition, by the outline that was used."""
    return [
        Case(each.photo, each.label, each.sighting.quad.corners if each.sighting else None)
        for each in outcomes
        if each.label is not None and each.label.for_recognition
    ]


def annotated(cases: Iterable[Case]) -> list[Case]:
    """Return those that a person outlined, by that outline, which does not say which corner is the first."""
    return [
        Case(each.photo, each.label, each.label.annotated)
        for each in cases
        if each.label.annotated is not None
    ]


def crops_of(cases: Sequence[Case], stress: Stress, seed: int, roll: int = 0) -> Crops:
    """Return the crops of cases that have corners; ``roll`` begins the outline at another corner."""
    found = [each for each in cases if each.corners is not None]

    def crop(number: int, height: int, width: int) -> Picture:
        case = found[number]
        if case.corners is None:
            raise AssertionError("cases without corners were left out above")
        rng = np.random.default_rng([seed, _number(case.label.item), _number(stress.name)])
        corners = jitter(rng, case.corners, stress.corners) if stress.corners else case.corners
        cut = rectify(_read(case.photo), np.roll(corners, -roll, axis=0), height, width)
        if stress.covered:
            cut = cover(rng, cut, stress.covered)
        return saturate(rng, cut) if stress.glare else cut

    return Crops(f"cases-{stress.name}-{seed}-{roll}", len(found), crop)


def _number(text: str) -> int:
    return zlib.crc32(text.encode())
