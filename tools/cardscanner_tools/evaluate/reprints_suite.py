"""Suite ``reprints``: prints of one artwork, first as artwork, then told apart as far as can be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.manifest import AcceptRule
from cardscanner.pictures import read_picture
from cardscanner.records import Card, Picture, Vectors
from cardscanner_tools.evaluate import plots
from cardscanner_tools.evaluate.catalogue_charts import percent, shown
from cardscanner_tools.evaluate.catalogue_suite import RenderedGallery
from cardscanner_tools.evaluate.conditions import CLEAN_VIEW, USUAL_VIEW, captures
from cardscanner_tools.evaluate.encoders import MODEL, Panel, rankings
from cardscanner_tools.evaluate.figures import quantile, share
from cardscanner_tools.evaluate.findings import Findings
from cardscanner_tools.evaluate.ranking import Labels, Ranking
from cardscanner_tools.evaluate.readings import Readings, read_both_ways, stored_readings
from cardscanner_tools.evaluate.references import Real

_CONDITIONS = (CLEAN_VIEW, USUAL_VIEW)
_MOST_TWINS = 4000


class Family:
    """A gallery whose reprints are looked at; ``prints`` numbers what can be told apart at 224 pixels."""

    def __init__(
        self,
        name: str,
        readings: Readings,
        cards: Sequence[Card],
        artworks: Labels,
        prints: Labels,
        rule: AcceptRule,
    ) -> None:
        self.name, self.readings, self.cards = name, readings, cards
        self.artworks, self.prints, self.rule = artworks, prints, rule

    def members(self) -> NDArray[np.int64]:
        """Return cards that share their artwork with another."""
        return np.flatnonzero(np.bincount(self.artworks)[self.artworks] > 1)


def reprints_suite(
    folder: Path,
    panel: Panel,
    gallery: RenderedGallery,
    real: Real | None,
    queries: int,
    seed: int,
) -> Findings:
    """Measure rendered families and, with references, the artworks that real prints share."""
    found = Findings("reprints")
    cards = gallery.cards
    family = Family("rendered", gallery.readings, cards.cards(), cards.artworks, cards.prints, gallery.rule)
    pick = _pick(family, queries, seed)
    found.document = {"seed": seed}
    found.document["rendered"] = _measure(
        panel, family, pick, [cards.face(int(n)) for n in pick], seed, found
    )
    if real is not None:
        _, references, rule = real
        readings = stored_readings(folder, references.crops(), panel.readers, "real references")
        every = np.arange(len(references.cards))
        family = Family("real", readings, references.cards, references.artworks, every, rule)
        pick = _pick(family, queries, seed)
        faces = [read_picture(references.references[int(n)].path) for n in pick]
        found.document["real"] = _measure(panel, family, pick, faces, seed, found) if len(pick) else {}
    _show(found)
    return found


def _pick(family: Family, queries: int, seed: int) -> NDArray[np.int64]:
    members = family.members()
    return np.random.default_rng([seed, 4]).choice(members, min(queries, len(members)), replace=False)


def _measure(
    panel: Panel,
    family: Family,
    pick: NDArray[np.int64],
    faces: Sequence[Picture],
    seed: int,
    found: Findings,
) -> dict[str, Any]:
    document: dict[str, Any] = {"members": len(family.members()), "queries": len(pick), "conditions": {}}
    if not len(pick):
        return document
    for condition in _CONDITIONS:
        queries = read_both_ways(
            captures(faces, condition, seed), panel.readers, f"reprints, {condition.name}"
        )
        document["conditions"][condition.name] = {
            encoder.name: _figures(ranking, family, pick, judged=encoder.name == MODEL)
            for encoder, ranking in rankings(panel, queries, family.readings)
        }
    twins = _twin_cosines(family, family.readings[MODEL])
    document["twin_cosines"] = {
        name: {
            "n": len(each),
            "p5": quantile(each, 0.05),
            "median": quantile(each, 0.5),
            "p95": quantile(each, 0.95),
        }
        for name, each in twins.items()
        if len(each)
    }
    given = {name: each for name, each in twins.items() if len(each)}
    if given:
        found.charts.append(
            (f"Cosine of prints that share an artwork, {family.name}", plots.histograms(given, log=True))
        )
    return document


def _figures(ranking: Ranking, family: Family, pick: NDArray[np.int64], *, judged: bool) -> dict[str, Any]:
    first = ranking.rows[:, 0]
    exact = first == pick
    lone = np.array([_prints_alone(family, int(number)) for number in pick], dtype=bool)
    figures: dict[str, Any] = {
        "art_top1": share(family.artworks[first] == family.artworks[pick]),
        "visible_print_top1": share(family.prints[first] == family.prints[pick]),
        "exact_top1": share(exact),
        "exact_top1_where_visible": share(exact[lone]),
        "exact_top1_same_frame": share(exact[~lone]),
    }
    if judged:
        verdicts = ranking.verdicts(family.cards, family.rule)
        decisions = Counter(each.decision for each in verdicts)
        right = [
            each.decision == "match" and each.candidates[0].card.card_id == family.cards[int(own)].card_id
            for each, own in zip(verdicts, pick, strict=True)
        ]
        figures["decisions"] = dict(decisions)
        figures["named_right"] = share(right)
        figures["named_wrong"] = share(
            [each.decision == "match" and not good for each, good in zip(verdicts, right, strict=True)]
        )
    return figures


def _prints_alone(family: Family, number: int) -> bool:
    """Whether no other print looks the same at 224 pixels."""
    return int((family.prints == family.prints[number]).sum()) == 1


def _twin_cosines(family: Family, vectors: Vectors) -> dict[str, NDArray[np.float64]]:
    """Return cosines of pairs of references of one artwork, by whether frames differ."""
    same: list[float] = []
    other: list[float] = []
    groups: dict[int, list[int]] = {}
    for number in family.members():
        groups.setdefault(int(family.artworks[number]), []).append(int(number))
    for group in groups.values():
        for place, one in enumerate(group):
            for two in group[place + 1 :]:
                alike = family.prints[one] == family.prints[two]
                (same if alike else other).append(float(vectors[one] @ vectors[two]))
    names = ("only symbol and number differ", "frame differs" if family.name == "rendered" else "real prints")
    return {
        name: np.array(each[:_MOST_TWINS], dtype=np.float64)
        for name, each in zip(names, (same, other), strict=True)
    }


def _show(found: Findings) -> None:
    columns = (
        "art_top1",
        "visible_print_top1",
        "exact_top1",
        "exact_top1_where_visible",
        "exact_top1_same_frame",
    )
    for name in ("rendered", "real"):
        document = found.document.get(name) or {}
        rows: list[list[object]] = [
            [f"{condition}, {encoder}", *(percent(figures[column]) for column in columns)]
            for condition, by in document.get("conditions", {}).items()
            for encoder, figures in by.items()
        ]
        if rows:
            heads = ["", *(column.replace("_", " ") for column in columns)]
            found.tables.append((f"Reprints, {name}: {document['queries']} captures", heads, rows))
            said: list[list[object]] = [
                [
                    condition,
                    *(by[MODEL]["decisions"].get(each, 0) for each in ("match", "ambiguous", "no_match")),
                    percent(by[MODEL]["named_right"]),
                    percent(by[MODEL]["named_wrong"]),
                ]
                for condition, by in document["conditions"].items()
            ]
            heads = ["", "match", "ambiguous", "no match", "print named and right", "print named and wrong"]
            found.tables.append((f"What the accept rule says to reprints, {name}", heads, said))
        if document.get("twin_cosines"):
            pairs: list[list[object]] = [
                [kind, each["n"], *(shown(each[q]) for q in ("p5", "median", "p95"))]
                for kind, each in document["twin_cosines"].items()
            ]
            found.tables.append((f"Cosine of twins, {name}", ["", "pairs", "p5", "median", "p95"], pairs))
