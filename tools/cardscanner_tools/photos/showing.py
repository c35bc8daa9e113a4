"""How one outcome on a photograph is shown: caption and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cardscanner.page import outlined
from cardscanner.pictures import read_picture
from cardscanner.records import Corners, Picture
from cardscanner_tools.photos.evaluation import Outcome

Outline = tuple[Corners, tuple[int, int, int]]
"""Corners and the colour to draw them in."""

_LABEL, _ANSWER = (60, 200, 90), (230, 60, 50)


def caption(outcome: Outcome) -> str:
    """Say what was seen, what is right and what was answered."""
    label = outcome.label
    words = [
        f"{outcome.photo.name}" + (f", {label.item}, {label.lang}, {' '.join(label.tags)}" if label else "")
    ]
    if label and label.art_ids:
        words.append(f"right: {' '.join(sorted(label.card_ids or label.art_ids))}")
    if outcome.verdict and outcome.verdict.candidates:
        best = outcome.verdict.candidates[0]
        words.append(
            f"{outcome.verdict.decision}: {best.card.card_id} {best.card.name}, "
            f"score {best.score:.3f}, margin {outcome.verdict.margin:.3f}, IoU {outcome.iou:.2f}"
        )
    return "\n".join(words)


def pictures(outcome: Outcome, references: Mapping[str, Path]) -> list[Picture]:
    """The photograph around label (green) and answer (red), the crop, the references answered and right."""
    outlines = [(outcome.label.corners, _LABEL)] if outcome.label else []
    if outcome.sighting:
        outlines.append((outcome.sighting.quad.corners, _ANSWER))
    shown = [outlined(*_surroundings(read_picture(outcome.photo), outlines))]
    if outcome.crop is not None:
        shown.append(outcome.crop)
    wanted = (
        [outcome.verdict.candidates[0].card.card_id] if outcome.verdict and outcome.verdict.candidates else []
    )
    if outcome.label:
        wanted += sorted(outcome.label.card_ids or outcome.label.art_ids)[:1]
    shown += [
        outlined(read_picture(references[name]), [], 224)
        for name in dict.fromkeys(wanted)
        if name in references
    ]
    return shown


def _surroundings(picture: Picture, outlines: Sequence[Outline]) -> tuple[Picture, list[Outline]]:
    """Cut a photograph to its outlines and as much again around them: on a page of 36 cards they are tiny."""
    if not outlines:
        return picture, []
    points = np.concatenate([corners for corners, _ in outlines])
    low, high = points.min(axis=0), points.max(axis=0)
    margin = float((high - low).max()) * 0.5
    size = np.array([picture.shape[1], picture.shape[0]])
    left, top = np.clip(np.floor(low - margin), 0, size - 1).astype(int)
    right, bottom = np.clip(np.ceil(high + margin), [left + 1, top + 1], size).astype(int)
    moved = [((corners - [left, top]).astype(np.float32), colour) for corners, colour in outlines]
    return np.ascontiguousarray(picture[top:bottom, left:right]), moved
