"""Suite ``photos``: real photographs against real references, end to end and with given outlines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cardscanner.config import FinderConfig, IndexConfig, OnnxConfig
from cardscanner.rooms import Rooms, open_rooms
from cardscanner_tools.evaluate.cases import AS_IS, STRESSES, Case, annotated, cases_of, crops_of
from cardscanner_tools.evaluate.encoders import INT8, INT8_CROSS, MODEL, Panel
from cardscanner_tools.evaluate.figures import Figure, accepted_at, auroc, mean, share
from cardscanner_tools.evaluate.findings import Findings
from cardscanner_tools.evaluate.keypoint_rows import photo_keypoints, photo_table
from cardscanner_tools.evaluate.photo_rows import END_TO_END, LABELLED
from cardscanner_tools.evaluate.photos_charts import show_photos
from cardscanner_tools.evaluate.ranking import Ranking, rank
from cardscanner_tools.evaluate.readings import BothWays, Readings, read_both_ways, stored_readings
from cardscanner_tools.evaluate.recognition import Answers, Gallery, answers_of, elsewhere, kinds, recognition
from cardscanner_tools.evaluate.references import CORE, Real, RealReferences
from cardscanner_tools.photos.evaluation import (
    HashGallery,
    Outcome,
    evaluate_photo,
    found_quads,
    labelled_quads,
)
from cardscanner_tools.photos.figures import accepted, is_failure
from cardscanner_tools.photos.labels import LabelledPhoto
from cardscanner_tools.photos.parts import part_of
from cardscanner_tools.photos.showing import caption, pictures

ANNOTATED = "human polygons, four ways round"
NO_HASHES = HashGallery([], {})
"""Baselines are computed here, on the crops; not by the product's road."""

_SHOWN = 12
_WRONG = ("wrong accept", "wrong, rejected")


def photos_suite(
    folder: Path,
    panel: Panel,
    finder: FinderConfig,
    real: Real,
    photos: Sequence[LabelledPhoto],
    seed: int,
    keypoints: int = 0,
) -> Findings:
    """Measure all outlines, galleries and stresses with every encoder on the same crops.

    SIFT and ORB are asked about ``keypoints`` known and unknown cards each; 0 leaves them out.
    """
    database, references, _ = real
    readings = stored_readings(folder, references.crops(), panel.readers, "real references")
    embedder = OnnxConfig(backend="onnx", model=panel.folders[MODEL], threads=1)
    with open_rooms(finder, embedder, IndexConfig(database=database)) as rooms:
        found, given = (_outcomes(photos, rooms, labelled=labelled) for labelled in (False, True))
        rule = rooms.database.manifest
    outlines = {END_TO_END: cases_of(found), LABELLED: cases_of(given)}
    outlines[ANNOTATED] = annotated(outlines[LABELLED])
    galleries = [Gallery.of(references, name) for name in ("all", CORE)]
    galleries = [each for each in galleries if len(each.rows)]
    run = _Run(panel, readings, references, seed)
    findings = Findings("photos")
    findings.document = {
        "seed": seed,
        "photos": len(photos),
        "references": {each.name: len(each.rows) for each in galleries},
        "database_sha256": rule.sha256,
        "accept": rule.accept.model_dump(mode="json"),
        "index_recall": rule.search.measured or (rule.index.measured if rule.index else {}),
        "product": {END_TO_END: product(found), LABELLED: product(given), **_by_part(found, photos)},
        "outlines": {
            name: {each.name: run.measure(name, cases, each) for each in galleries}
            for name, cases in outlines.items()
            if cases
        },
        "counts": {
            name: {
                each.name: {kind: int(those.sum()) for kind, those in kinds(cases, each).items()}
                for each in galleries
            }
            for name, cases in outlines.items()
            if cases
        },
        "elsewhere": run.elsewhere,
        "near_strangers": run.near_strangers(galleries),
    }
    if INT8 in panel.embedders:
        findings.document["int8_loss"] = run.losses()
    show_photos(findings, [each.name for each in panel.encoders], run.margins)
    if keypoints:
        main = {name: outlines[name] for name in (END_TO_END, LABELLED)}
        findings.document["keypoints"] = photo_keypoints(panel, references, main, keypoints, seed)
        findings.tables.append(photo_table(findings.document["keypoints"]))
    findings.galleries += _failures(found, references)
    return findings


def product(outcomes: Sequence[Outcome]) -> dict[str, Figure | None]:
    """What the box would say, by the database's accept rule; cards that are not found count as wrong."""
    known = [each for each in outcomes if each.label and each.label.level != "unknown"]
    unknown = [each for each in outcomes if each.label and each.label.level == "unknown"]
    failures = {id(each): is_failure(each) for each in known}
    right = (None, "right artwork, other print")
    return {
        "art_top1": share([failures[id(each)] not in ("not found", *_WRONG) for each in known]),
        "found": share([each.sighting is not None for each in known + unknown]),
        "accepted_right": share([failures[id(each)] in right for each in known]),
        "accepted_wrong": share([failures[id(each)] == "wrong accept" for each in known]),
        "unknown_accepted": share([accepted(each) for each in unknown]),
    }


def _by_part(
    found: Sequence[Outcome], photos: Sequence[LabelledPhoto]
) -> dict[str, dict[str, Figure | None]]:
    """Judge apart what a finder may have learnt from, what was held out, and what only ever measures."""
    origins = {photo.path: photo.origin for photo in photos}
    parts: dict[str, list[Outcome]] = {}
    for each in found:
        parts.setdefault(part_of(each.photo, origins[each.photo]), []).append(each)
    return {f"{END_TO_END}, {part} photographs": product(those) for part, those in sorted(parts.items())}


class _Run:
    """Searches every crop once in every gallery."""

    def __init__(self, panel: Panel, readings: Readings, references: RealReferences, seed: int) -> None:
        self.elsewhere: dict[str, Any] = {}
        self.margins: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        """The model's margins of known and unknown cards, unstressed, all references, by outline."""
        self._panel, self._readings, self._references, self._seed = panel, readings, references, seed
        self._hits: dict[str, list[NDArray[np.bool_]]] = {}
        self._known_core: NDArray[np.float64] | None = None
        self._queries: dict[tuple[str, str], list[BothWays]] = {}

    def measure(self, outline: str, cases: Sequence[Case], gallery: Gallery) -> dict[str, Any]:
        """Return figures by stress and encoder."""
        document: dict[str, Any] = {}
        for stress in STRESSES:
            document[stress.name] = {}
            for encoder in self._panel.encoders:
                ranking = self._rank(outline, cases, stress.name, encoder.query, encoder.gallery, gallery)
                answers = answers_of(cases, ranking, gallery, self._references.artworks)
                document[stress.name][encoder.name] = recognition(cases, answers, gallery)
                if encoder.query in self._panel.embedders and gallery.name == "all":
                    known = kinds(cases, gallery)["known"]
                    self._hits.setdefault(encoder.name, []).append(answers.art1[known])
                if encoder.name == MODEL and stress == AS_IS:
                    self._keep(outline, cases, answers, gallery)
        return document

    def losses(self) -> dict[str, Any]:
        """Points of artwork top-1 that int8 loses on the same crops, all outlines and stresses together."""
        ours = np.concatenate(self._hits[MODEL]).astype(float)
        names = [name for name in (INT8, INT8_CROSS) if name in self._hits]
        return {name: {"all": mean(ours - np.concatenate(self._hits[name]))} for name in names}

    def near_strangers(self, galleries: Sequence[Gallery]) -> dict[str, Any]:
        """References outside the core gallery as unknown cards, where they share no artwork with it."""
        core = next((each for each in galleries if each.name == CORE), None)
        if core is None or self._known_core is None:
            return {}
        artworks = self._references.artworks
        strange = np.flatnonzero(~np.isin(artworks, artworks[core.rows]))
        if not len(strange):
            return {}
        document: dict[str, Any] = {"references": len(strange)}
        vectors = self._readings[MODEL]
        margins = rank([vectors[strange]], vectors[core.rows]).margins(artworks[core.rows])
        document["auroc"] = auroc(self._known_core, margins)
        document["accepted_at_1_percent"] = accepted_at(self._known_core, margins)
        return document

    def _keep(self, outline: str, cases: Sequence[Case], answers: Answers, gallery: Gallery) -> None:
        kind = kinds(cases, gallery)
        if gallery.name == "all":
            self.margins[outline] = answers.margins[kind["known"]], answers.margins[kind["unknown"]]
        elif outline == LABELLED:
            self._known_core = answers.margins[kind["known"]]
        if kind["elsewhere"].any():
            self.elsewhere.setdefault(outline, {})[gallery.name] = elsewhere(cases, answers, gallery)

    def _rank(
        self, outline: str, cases: Sequence[Case], stress: str, query: str, reader: str, gallery: Gallery
    ) -> Ranking:
        key = outline, stress
        if key not in self._queries:
            rolls = (0, 1) if outline == ANNOTATED else (0,)
            chosen = next(each for each in STRESSES if each.name == stress)
            self._queries[key] = [
                read_both_ways(
                    crops_of(cases, chosen, self._seed, roll), self._panel.readers, f"{outline}, {stress}"
                )
                for roll in rolls
            ]
        ways = [way[query] for each in self._queries[key] for way in (each.upright, each.turned)]
        return rank(ways, self._readings[reader][gallery.rows])


def _outcomes(photos: Sequence[LabelledPhoto], rooms: Rooms, *, labelled: bool) -> list[Outcome]:
    finder = labelled_quads if labelled else found_quads(rooms)
    return [
        outcome
        for photo in tqdm(photos, desc=LABELLED if labelled else END_TO_END, mininterval=2)
        for outcome in evaluate_photo(photo, rooms, NO_HASHES, finder)
        if outcome.label is not None and outcome.label.for_recognition
    ]


def _failures(outcomes: Sequence[Outcome], references: RealReferences) -> list[tuple[str, Any]]:
    groups: dict[str, list[Outcome]] = {}
    for each in outcomes:
        if (what := is_failure(each)) is not None:
            groups.setdefault(what, []).append(each)
    return [
        (
            f"End to end, {what}: {len(those)}" + (f", {_SHOWN} of them" if len(those) > _SHOWN else ""),
            [(caption(each), pictures(each, references.paths)) for each in those[:_SHOWN]],
        )
        for what, those in sorted(groups.items())
    ]
