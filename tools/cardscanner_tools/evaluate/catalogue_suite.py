"""Suite ``catalogue``: captures of rendered cards, searched in a gallery of the size that is sold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.manifest import AcceptRule
from cardscanner.records import Batch
from cardscanner_tools.evaluate.catalogue_charts import show_catalogue
from cardscanner_tools.evaluate.conditions import (
    CLEAN_VIEW,
    CONDITIONS,
    HARDEST,
    USUAL_VIEW,
    Condition,
    captures,
)
from cardscanner_tools.evaluate.confusions import worst
from cardscanner_tools.evaluate.encoders import INT8, INT8_CROSS, MODEL, TEACHER, Encoder, Panel, rankings
from cardscanner_tools.evaluate.figures import Figure, accepted_at, auroc, mean, quantile, share
from cardscanner_tools.evaluate.findings import Findings
from cardscanner_tools.evaluate.pairs import pair_figures
from cardscanner_tools.evaluate.ranking import Ranking, similarities
from cardscanner_tools.evaluate.readings import BothWays, Readings, read_both_ways, stored_readings
from cardscanner_tools.evaluate.rendered import STRANGERS_SEED, RenderedCards, calibrated_rule

UNKNOWN_CONDITIONS = (CLEAN_VIEW, USUAL_VIEW, HARDEST)


@dataclass(frozen=True, slots=True, eq=False)
class RenderedGallery:
    """What several suites search in."""

    cards: RenderedCards
    readings: Readings
    rule: AcceptRule


def open_gallery(folder: Path, panel: Panel, count: int, seed: int) -> RenderedGallery:
    """Read the gallery with every reader and calibrate its rule; both are kept in ``folder``."""
    cards = RenderedCards.of(count, seed)
    readings = stored_readings(folder, cards.crops(), panel.readers, "rendered gallery")
    return RenderedGallery(cards, readings, calibrated_rule(folder, cards, readings[MODEL], panel.model))


def catalogue_suite(panel: Panel, gallery: RenderedGallery, queries: int, seed: int) -> Findings:
    """Measure every condition, known cards and, for three conditions, cards that are not in the gallery."""
    cards = gallery.cards
    pick = np.random.default_rng([seed, 1]).choice(
        len(cards.specs), min(queries, len(cards.specs)), replace=False
    )
    faces = np.stack([cards.face(int(number)) for number in pick])
    strangers = RenderedCards.of(len(pick), STRANGERS_SEED, reprint_share=0.0)
    found = Findings("catalogue")
    run = _Run(panel, gallery, pick, faces, seed)
    conditions = {each.name: run.known(each, found) for each in CONDITIONS}
    unknown_faces = np.stack([strangers.face(number) for number in range(len(pick))])
    unknown = {each.name: run.unknown(each, unknown_faces) for each in UNKNOWN_CONDITIONS}
    found.document = {
        "cards": len(cards.specs),
        "artworks": int(cards.artworks.max()) + 1,
        "queries": len(pick),
        "seed": seed,
        "catalogue_seed": cards.seed,
        "strangers_seed": STRANGERS_SEED,
        "accept": gallery.rule.model_dump(mode="json"),
        "conditions": conditions,
        "unknown": unknown,
        "pairs": pair_figures(run.vectors, gallery.readings[MODEL], cards.artworks, pick, seed),
    }
    if INT8 in panel.embedders:
        found.document["int8_loss"] = run.losses()
    if TEACHER in panel.embedders:
        found.document["teacher"] = run.teacher(panel)
    show_catalogue(found, panel, run)
    return found


class _Run:
    """Readings and hits, kept across conditions."""

    def __init__(
        self, panel: Panel, gallery: RenderedGallery, pick: NDArray[np.int64], faces: Batch, seed: int
    ) -> None:
        self.vectors: dict[str, NDArray[np.float32]] = {}
        """The model's vectors of the upright views, by condition."""
        self.margins: dict[str, NDArray[np.float64]] = {}
        self.strange_margins: dict[str, NDArray[np.float64]] = {}
        self.same: dict[str, NDArray[np.float64]] = {}
        self.other: dict[str, NDArray[np.float64]] = {}
        self._panel, self._gallery, self._pick, self._faces, self._seed = panel, gallery, pick, faces, seed
        self._hits: dict[tuple[str, str], NDArray[np.bool_]] = {}
        self._margins: dict[tuple[str, str], NDArray[np.float64]] = {}
        self._teacher: dict[str, NDArray[np.float64]] = {}

    def known(self, condition: Condition, found: Findings) -> dict[str, Any]:
        """Measure captures of cards in the gallery."""
        crops = captures(self._faces, condition, self._seed)
        queries = read_both_ways(crops, self._panel.readers, condition.name)
        self.vectors[condition.name] = queries.upright[MODEL]
        self._compare_teacher(condition, queries)
        measured = {}
        for encoder, ranking in rankings(self._panel, queries, self._gallery.readings):
            measured[encoder.name] = self._figures(condition, encoder, ranking, queries)
            if encoder.name == MODEL:
                self.margins[condition.name] = ranking.margins(self._gallery.cards.artworks)
                found.galleries += worst(condition.name, crops, ranking, self._gallery.cards, self._pick)
        return measured

    def unknown(self, condition: Condition, faces: Batch) -> dict[str, Any]:
        """Measure how well cards that are not in the gallery are kept apart from those that are."""
        crops = captures(faces, condition, self._seed + 1)
        queries = read_both_ways(crops, self._panel.readers, f"strangers, {condition.name}")
        measured = {}
        for encoder, ranking in rankings(self._panel, queries, self._gallery.readings):
            known = self._margins[condition.name, encoder.name]
            right = self._hits[condition.name, encoder.name]
            margins = ranking.margins(self._gallery.cards.artworks)
            measured[encoder.name] = {
                "auroc": auroc(known, margins),
                "accepted_at_1_percent": accepted_at(known, margins),
                "accepted_and_right_at_1_percent": accepted_at(np.where(right, known, -1.0), margins),
            }
            if encoder.name == MODEL:
                self.strange_margins[condition.name] = margins
                measured[MODEL]["accepted_by_the_rule"] = share(margins >= self._gallery.rule.threshold)
        return measured

    def losses(self) -> dict[str, Any]:
        """Points of artwork top-1 that int8 loses, paired query by query, in both galleries."""
        return {
            name: self._loss(name) for name in (INT8, INT8_CROSS) if (USUAL_VIEW.name, name) in self._hits
        }

    def teacher(self, panel: Panel) -> dict[str, Any]:
        """Return cosines of student and teacher on the same captures, and the difference in top-1."""
        document: dict[str, Any] = {"teacher_top1_minus_student": self._loss(MODEL, TEACHER)}
        if self._teacher:
            every = np.concatenate(list(self._teacher.values()))
            document["cosine_mean"], document["cosine_p5"] = mean(every), quantile(every, 0.05)
            document["by_condition"] = {name: mean(values) for name, values in self._teacher.items()}
        document["teacher"] = panel.embedders[TEACHER].info.name
        return document

    def _loss(self, name: str, against: str = MODEL) -> dict[str, Any]:
        differences = {
            condition: self._hits[condition, against].astype(float) - self._hits[condition, name]
            for condition in self.vectors
        }
        by_condition = {condition: mean(values) for condition, values in differences.items()}
        return {"all": mean(np.concatenate(list(differences.values()))), "by_condition": by_condition}

    def _compare_teacher(self, condition: Condition, queries: BothWays) -> None:
        ours, theirs = queries.upright[MODEL], queries.upright.get(TEACHER)
        if theirs is not None and theirs.shape == ours.shape:
            self._teacher[condition.name] = similarities(ours, theirs)

    def _figures(
        self, condition: Condition, encoder: Encoder, ranking: Ranking, queries: BothWays
    ) -> dict[str, Figure | None]:
        cards, pick = self._gallery.cards, self._pick
        own = cards.artworks[pick]
        first = ranking.label_hits(cards.artworks, own, 1)
        self._hits[condition.name, encoder.name] = first
        margins = self._margins[condition.name, encoder.name] = ranking.margins(cards.artworks)
        figures = {
            "art_top1": share(first),
            "art_top3": share(ranking.label_hits(cards.artworks, own, 3)),
            "art_top5": share(ranking.label_hits(cards.artworks, own, 5)),
            "print_top1": share(ranking.label_hits(cards.prints, cards.prints[pick], 1)),
            "exact_top1": share(ranking.rows[:, 0] == pick),
        }
        if encoder.query not in self._panel.embedders:
            return figures
        same = similarities(queries.upright[encoder.query], self._gallery.readings[encoder.gallery][pick])
        nearest = ranking.nearest_other(cards.artworks, own)
        other = nearest[np.isfinite(nearest)].astype(np.float64)
        if encoder.name == MODEL:
            self.same[condition.name], self.other[condition.name] = same, other
        accepted = margins >= self._gallery.rule.threshold
        return figures | {
            "distance_median": quantile(1 - same, 0.5),
            "distance_p95": quantile(1 - same, 0.95),
            "same_p5": quantile(same, 0.05),
            "hardest_other_p95": quantile(other, 0.95),
            "accepted_right": share(accepted & first),
            "accepted_wrong": share(accepted & ~first),
        }
