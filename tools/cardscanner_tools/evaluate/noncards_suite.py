"""Suite ``noncards``: what is no card of the game must not be accepted, drawn or photographed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cardscanner.config import FinderConfig, IndexConfig, OnnxConfig
from cardscanner.manifest import AcceptRule
from cardscanner.match.card_table import read_source
from cardscanner.pictures import read_picture
from cardscanner.records import Picture, Vectors
from cardscanner.rooms import Rooms, open_rooms
from cardscanner_tools.evaluate.catalogue_charts import percent, shown
from cardscanner_tools.evaluate.catalogue_suite import RenderedGallery
from cardscanner_tools.evaluate.conditions import USUAL_VIEW, captures
from cardscanner_tools.evaluate.encoders import MODEL, Panel
from cardscanner_tools.evaluate.figures import quantile, share
from cardscanner_tools.evaluate.findings import Findings, Shown
from cardscanner_tools.evaluate.photos_suite import NO_HASHES
from cardscanner_tools.evaluate.ranking import Labels, rank
from cardscanner_tools.evaluate.readings import Crops, read_both_ways, stored_readings
from cardscanner_tools.evaluate.references import Real
from cardscanner_tools.photos.evaluation import Outcome, evaluate_photo, found_quads
from cardscanner_tools.photos.figures import accepted
from cardscanner_tools.photos.labels import LabelledPhoto, read_not_cards
from cardscanner_tools.photos.showing import caption, pictures
from cardscanner_tools.scene.capture import USUAL
from cardscanner_tools.scene.strangers import KINDS, stranger

FREE_GAME = "free cards of another game"
_NEAREST_SHOWN = 3
_MOST_FREE = 400


class Against:
    """A gallery with the rule that a database of it carries."""

    def __init__(self, name: str, vectors: Vectors, artworks: Labels, rule: AcceptRule, crops: Crops) -> None:
        self.name, self.vectors, self.artworks, self.rule, self.crops = name, vectors, artworks, rule, crops


def noncards_suite(
    folder: Path,
    panel: Panel,
    finder: FinderConfig,
    gallery: RenderedGallery,
    real: Real | None,
    data: Path | None,
    count: int,
    seed: int,
) -> Findings:
    """Measure ``count`` drawn crops and, with a data folder, its pictures and another game's faces."""
    found = Findings("noncards")
    cards = gallery.cards
    against = [Against("rendered", gallery.readings[MODEL], cards.artworks, gallery.rule, cards.crops())]
    if real is not None:
        _, references, rule = real
        reader = [each for each in panel.readers if each.name == MODEL]
        vectors = stored_readings(folder, references.crops(), reader, "real references")[MODEL]
        against.append(Against("real", vectors, references.artworks, rule, references.crops()))
    sources = {kind: _strangers(kind, max(1, count // len(KINDS)), seed) for kind in KINDS}
    if data is not None and (data / "free_cards.csv").is_file():
        sources[FREE_GAME] = _free_cards(data, min(count, _MOST_FREE), seed)
    found.document = {"crops": _crops(panel, sources, against, found), "seed": seed}
    if data is not None and real is not None:
        found.document["pictures"] = _pictures(panel, finder, data, real, found, quick=count < 1000)
    _show(found)
    return found


def _crops(
    panel: Panel, sources: dict[str, Crops], against: Sequence[Against], found: Findings
) -> dict[str, Any]:
    reader = [each for each in panel.readers if each.name == MODEL]
    scores: dict[str, dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    for kind, crops in sources.items():
        both = read_both_ways(crops, reader, kind)
        for each in against:
            ranking = rank([both.upright[MODEL], both.turned[MODEL]], each.vectors)
            margins = ranking.margins(each.artworks)
            scores.setdefault(each.name, {})[kind] = 1 - ranking.scores[:, 0].astype(np.float64), margins
            closest = np.argsort(-margins)[:_NEAREST_SHOWN]
            shown_pairs: list[Shown] = [
                (
                    _closeness(margins[n], each.rule.threshold, 1 - ranking.scores[n, 0]),
                    [crops.crop(int(n), 224, 224), each.crops.crop(int(ranking.rows[n, 0]), 224, 224)],
                )
                for n in closest
            ]
            found.galleries.append((f"{kind}, closest to a card of the {each.name} gallery", shown_pairs))
    document: dict[str, Any] = {}
    for each in against:
        kinds = scores[each.name]
        drawn = [values for kind, values in kinds.items() if kind != FREE_GAME]
        kinds = kinds | {
            "all drawn": (np.concatenate([d for d, _ in drawn]), np.concatenate([m for _, m in drawn]))
        }
        document[each.name] = {kind: _figures(*values, each.rule) for kind, values in kinds.items()}
    return document


def _closeness(margin: float, threshold: float, distance: float) -> str:
    return f"margin {margin:.3f} (accepted from {threshold:.3f}), distance {distance:.3f}"


def _figures(
    distances: NDArray[np.float64], margins: NDArray[np.float64], rule: AcceptRule
) -> dict[str, Any]:
    return {
        "accepted": share(margins >= rule.threshold),
        "distance_above_0.5": share(distances > 0.5),
        "distance_smallest": float(distances.min()),
        "distance_median": quantile(distances, 0.5),
    }


def _free_cards(data: Path, count: int, seed: int) -> Crops:
    paths = [each.path for each in read_source(data / "free_cards.csv")]
    faces: list[Picture] = [read_picture(path) for path in paths]
    crops = captures([faces[number % len(faces)] for number in range(count)], USUAL_VIEW, seed)
    return Crops(f"free-{seed}", count, crops.crop)


def _pictures(
    panel: Panel, finder: FinderConfig, data: Path, real: Real, found: Findings, *, quick: bool
) -> dict[str, Any]:
    """Run the product over whole pictures: anything accepted in one is a false accept."""
    database, references, _ = real
    embedder = OnnxConfig(backend="onnx", model=panel.folders[MODEL], threads=1)
    listed = read_not_cards(data)
    listed = listed[:: max(1, len(listed) // 20)] if quick else listed
    outcomes: dict[str, list[list[Outcome]]] = {}
    with open_rooms(finder, embedder, IndexConfig(database=database)) as rooms:
        for path, kind in tqdm(listed, desc="pictures without cards", mininterval=2):
            outcomes.setdefault(kind, []).append(_quads(path, rooms))
    wrong = [each for those in outcomes.values() for one in those for each in one if accepted(each)]
    found.galleries.append(
        (
            f"Accepted in pictures without cards: {len(wrong)}",
            [(caption(each), pictures(each, references.paths)) for each in wrong[:12]],
        )
    )
    return {
        kind: {
            "with_false_accept": share([any(accepted(each) for each in one) for one in those]),
            "quads": sum(len(one) for one in those),
            "distance_smallest": min(
                (1 - each.verdict.score for one in those for each in one if each.verdict), default=None
            ),
        }
        for kind, those in outcomes.items()
    }


def _strangers(kind: str, count: int, seed: int) -> Crops:
    def crop(number: int, height: int, _width: int) -> Picture:
        return stranger(np.random.default_rng([seed, 5, number]), kind, USUAL, height)

    return Crops(f"strangers-{kind}-{seed}", count, crop)


def _quads(path: Path, rooms: Rooms) -> list[Outcome]:
    return list(evaluate_photo(LabelledPhoto(path, ()), rooms, NO_HASHES, found_quads(rooms)))


def _show(found: Findings) -> None:
    heads = ["", "n", "accepted", "distance > 0.5", "smallest distance", "median distance"]
    for name, kinds in found.document["crops"].items():
        rows: list[list[object]] = [
            [
                kind,
                each["accepted"].n,
                percent(each["accepted"]),
                percent(each["distance_above_0.5"]),
                each["distance_smallest"],
                shown(each["distance_median"]),
            ]
            for kind, each in kinds.items()
        ]
        found.tables.append((f"Crops that show no card, {name} gallery", heads, rows))
    rows = [
        [
            kind,
            each["with_false_accept"].n,
            each["quads"],
            percent(each["with_false_accept"]),
            each["distance_smallest"],
        ]
        for kind, each in found.document.get("pictures", {}).items()
    ]
    if rows:
        heads = ["", "pictures", "quads found", "pictures with a false accept", "smallest distance"]
        found.tables.append(("Whole pictures, found and judged by the product", heads, rows))
