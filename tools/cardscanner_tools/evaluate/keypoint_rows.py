"""SIFT and ORB beside the others, on a limited number of the same crops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cardscanner_tools.evaluate.cases import AS_IS, STRESSES, Case, crops_of
from cardscanner_tools.evaluate.catalogue_charts import percent, shown
from cardscanner_tools.evaluate.conditions import CLEAN_VIEW, CORNERS, HARDEST, USUAL_VIEW, captures
from cardscanner_tools.evaluate.encoders import Panel
from cardscanner_tools.evaluate.figures import auroc, share
from cardscanner_tools.evaluate.keypoints import METHODS, KeypointGallery, hits
from cardscanner_tools.evaluate.recognition import Gallery
from cardscanner_tools.evaluate.references import RealReferences
from cardscanner_tools.evaluate.rendered import RenderedCards

CATALOGUE_CARDS = 2000
"""Gallery that is small enough for local features; it flatters them, and the report says so."""
Table = tuple[str, list[str], list[list[object]]]
"""Heading, column names, rows."""

_CONDITIONS = (CLEAN_VIEW, USUAL_VIEW, CORNERS[1], HARDEST)


def catalogue_keypoints(panel: Panel, cards: RenderedCards, queries: int, seed: int) -> dict[str, Any]:
    """Return artwork top-1 of captures of the first cards, searched among the first cards alone."""
    count = min(CATALOGUE_CARDS, len(cards.specs))
    height, width = panel.model.info.height, panel.model.info.width
    pick = np.random.default_rng([seed, 6]).choice(count, min(queries, count), replace=False)
    faces = [cards.face(int(number)) for number in pick]
    right = [set(np.flatnonzero(cards.artworks[:count] == cards.artworks[n]).tolist()) for n in pick]
    document: dict[str, Any] = {"cards": count, "queries": len(pick)}
    references = cards.crops()
    for method in METHODS:
        gallery = KeypointGallery(method, (references.crop(n, height, width) for n in range(count)), count)
        document[method] = {}
        for condition in _CONDITIONS:
            crops = captures(faces, condition, seed)
            views = (crops.crop(n, height, width) for n in range(crops.count))
            good, _ = hits(gallery, views, right, f"{method}, {condition.name}")
            document[method][condition.name] = share(good)
    return document


def photo_keypoints(
    panel: Panel, references: RealReferences, outlines: Mapping[str, Sequence[Case]], queries: int, seed: int
) -> dict[str, Any]:
    """Return artwork top-1 by outline and stress, and the AUROC of inliers, of some cards."""
    height, width = panel.model.info.height, panel.model.info.width
    gallery = Gallery.of(references, "all")
    crops = references.crops()
    document: dict[str, Any] = {"references": crops.count}
    for method in METHODS:
        pictures = (crops.crop(n, height, width) for n in range(crops.count))
        features = KeypointGallery(method, pictures, crops.count)
        document[method] = {}
        for name, cases in outlines.items():
            known = _some(
                [each for each, right in zip(cases, gallery.right(cases), strict=True) if right], queries
            )
            unknown = _some([each for each in cases if each.label.level == "unknown"], queries)
            document[method][name] = _by_stress(features, gallery, known, unknown, (height, width), seed)
    return document


def catalogue_table(document: Mapping[str, Any]) -> Table:
    """Return the figures of :func:`catalogue_keypoints` as a table of the report."""
    rows: list[list[object]] = [[each, *(percent(by) for by in document[each].values())] for each in METHODS]
    title = f"Local features: {document['queries']} captures in a gallery of {document['cards']} cards only"
    return title, ["", *(each.name for each in _CONDITIONS)], rows


def photo_table(document: Mapping[str, Any]) -> Table:
    """Return the figures of :func:`photo_keypoints` as a table of the report."""
    rows: list[list[object]] = []
    for method in METHODS:
        for outline, by in document[method].items():
            hits_by_stress = [percent(by[each.name]["art_top1"]) for each in STRESSES]
            rows.append([f"{method}, {outline}, {by['known']} cards", *hits_by_stress, shown(by["auroc"])])
    title = f"Local features on photographs, {document['references']} references"
    return title, ["", *(each.name for each in STRESSES), "AUROC by inliers"], rows


def _by_stress(
    features: KeypointGallery,
    gallery: Gallery,
    known: Sequence[Case],
    unknown: Sequence[Case],
    size: tuple[int, int],
    seed: int,
) -> dict[str, Any]:
    missing = sum(each.corners is None for each in known)
    there = [each for each in known if each.corners is not None]
    document: dict[str, Any] = {"known": len(known), "unknown": len(unknown)}
    for stress in STRESSES:
        views = crops_of(there, stress, seed)
        good, inliers = hits(
            features, (views.crop(n, *size) for n in range(views.count)), gallery.right(there), stress.name
        )
        document[stress.name] = {"art_top1": share(good + [False] * missing)}
        if stress == AS_IS:
            strange = crops_of(unknown, stress, seed)
            nobody: list[set[int]] = [set()] * strange.count
            _, others = hits(
                features, (strange.crop(n, *size) for n in range(strange.count)), nobody, "unknown"
            )
            absent = [-1] * (len(unknown) - strange.count)
            document["auroc"] = auroc(inliers + [-1] * missing, others + absent)
    return document


def _some(cases: Sequence[Case], count: int) -> list[Case]:
    """Return an even sample."""
    if not cases:
        return []
    numbers = np.linspace(0, len(cases) - 1, min(count, len(cases))).round().astype(int)
    return [cases[number] for number in numbers]
