"""Judging what the finder found in a picture against the labels, and counting it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from cardscanner.config import FinderConfig
from cardscanner.detect import find_cards
from cardscanner.pictures import read_picture
from cardscanner.ports import Finder
from cardscanner.records import Picture, Quad
from cardscanner_tools.finder.truth import Truth, overlaps
from cardscanner_tools.photos.labels import LabelledCard, LabelledPhoto
from cardscanner_tools.photos.parts import Part, part_of

LEVELS = (0.5, 0.75, 0.9)
PARTLY_LABELLED = {"koala-man-64+trading-card-scanner"}
"""Collections in whose pictures more cards lie than are labelled: nothing found there is called false."""
_FRAME = (1280, 720)

Figures = dict[str, int | float | str | None]


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """One labelled card and how well it was found."""

    label: LabelledCard
    overlap: float
    """Intersection over union with the best quad; 0: nothing was found here."""
    corner_error: float | None
    """Mean corner distance in card widths; ``None`` when not found, or when only the card's box is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """One picture, what was found in it, and what that cost."""

    path: Path
    source: str
    """The collection, or what kind of picture without cards it is."""
    part: Part
    quads: tuple[Quad, ...]
    findings: tuple[Finding, ...]
    false_quads: int | None
    """Quads that lie on no labelled card; ``None`` when not every card is labelled."""
    megapixels: float
    cpu_ms: float
    frame_cpu_ms: float
    """The same for the picture made to fit into 1280 x 720 pixels."""


def assess(photo: LabelledPhoto, source: str, finder: Finder, config: FinderConfig) -> Assessment:
    """Find the cards of one picture and compare them with its labels."""
    picture = read_picture(photo.path)
    quads, cpu_ms = _timed(picture, finder, config)
    truths = [Truth.of_label(card) for card in photo.cards]
    corners = np.array([quad.corners for quad in quads], np.float32).reshape(-1, 4, 2)
    overlap, which = overlaps(corners, truths)
    findings = []
    for number, (label, truth) in enumerate(zip(photo.cards, truths, strict=True)):
        here = np.flatnonzero(which == number)
        if len(here) == 0:
            findings.append(Finding(label, 0.0, None))
            continue
        best = here[overlap[here].argmax()]
        exact = overlap[best] >= LEVELS[0] and not truth.box_only
        error = truth.corner_error(corners[best]) if exact else None
        findings.append(Finding(label, float(overlap[best]), error))
    return Assessment(
        path=photo.path,
        source=source,
        part=part_of(photo.path, source),
        quads=tuple(quads),
        findings=tuple(findings),
        false_quads=None if source in PARTLY_LABELLED else int((overlap < LEVELS[0]).sum()),
        megapixels=picture.shape[0] * picture.shape[1] / 1e6,
        cpu_ms=cpu_ms,
        frame_cpu_ms=_timed(_as_frame(picture), finder, config)[1],
    )


def _timed(picture: Picture, finder: Finder, config: FinderConfig) -> tuple[list[Quad], float]:
    start = time.process_time()
    quads = find_cards(picture, finder, config)
    return quads, (time.process_time() - start) * 1e3


def _as_frame(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = min(_FRAME[0] / max(height, width), _FRAME[1] / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)


def finding_figures(findings: Sequence[Finding]) -> Figures:
    """Return how many of some labelled cards were found, and how exactly."""
    overlap = np.array([each.overlap for each in findings])
    errors = [100 * each.corner_error for each in findings if each.corner_error is not None]
    return {
        "cards": len(findings),
        **{f"found_iou_{round(100 * level)}": _mean(overlap >= level) for level in LEVELS},
        "corners_measured": len(errors),
        "corner_error_median_pct": float(np.median(errors)) if errors else None,
        "corner_error_p90_pct": float(np.percentile(errors, 90)) if errors else None,
    }


def false_figures(assessments: Sequence[Assessment]) -> Figures:
    """Return how many quads were found where no card is."""
    counts = [each.false_quads for each in assessments if each.false_quads is not None]
    return {
        "pictures": len(counts),
        "false_quads": sum(counts),
        "false_quads_per_picture": _mean(counts),
        "pictures_with_false_quads": sum(count > 0 for count in counts),
    }


def time_figures(assessments: Sequence[Assessment]) -> Figures:
    """Return what finding costs in CPU time, both threads counted."""
    return {
        "cpu_ms_per_megapixel_median": float(
            np.median([each.cpu_ms / each.megapixels for each in assessments])
        ),
        "cpu_ms_median": float(np.median([each.cpu_ms for each in assessments])),
        "cpu_ms_p90": float(np.percentile([each.cpu_ms for each in assessments], 90)),
        "cpu_ms_1280x720_median": float(np.median([each.frame_cpu_ms for each in assessments])),
        "cpu_ms_1280x720_p90": float(np.percentile([each.frame_cpu_ms for each in assessments], 90)),
    }


def finding_groups(assessments: Iterable[Assessment]) -> dict[str, list[Finding]]:
    """Sort labelled cards: all, by part, by collection, by tag; a card stands in several groups."""
    result: dict[str, list[Finding]] = {"all": []}
    for each in assessments:
        for finding in each.findings:
            tags = (f"tag {tag}" for tag in finding.label.tags)
            for name in ("all", f"part {each.part}", f"origin {each.source}", *tags):
                result.setdefault(name, []).append(finding)
    return _ordered(result)


def picture_groups(
    assessments: Iterable[Assessment], kind: Callable[[Assessment], str]
) -> dict[str, list[Assessment]]:
    """Sort pictures by kind, and within a kind by part."""
    result: dict[str, list[Assessment]] = {}
    for each in assessments:
        for name in (kind(each), f"{kind(each)}, {each.part}"):
            result.setdefault(name, []).append(each)
    return _ordered(result)


def _ordered(groups: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return dict(sorted(groups.items()))


def _mean(values: Iterable[Any]) -> float | None:
    some = np.asarray(list(values), np.float64)
    return float(some.mean()) if len(some) else None
