"""Suite ``looks``: what a second look at the candidates gains, by condition, on the product's own road.

A database of rendered cards, a third of them reprints, is built as ``db build`` builds it, pictures and rule
included. Cards of it, and cards that it does not know, are photographed; outlines are as wrong as a finder's.
Every view is judged twice: by its vector alone, and with the second look. Both rules were calibrated by the
build to let the same share of simulated strangers pass.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from cardscanner.accept import judge
from cardscanner.config import IndexConfig, OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.manifest import load_model_manifest
from cardscanner.match.build import build_database
from cardscanner.match.progress import Progress
from cardscanner.pipeline import Stopwatch
from cardscanner.records import Picture, Quad, Verdict
from cardscanner.rooms import Rooms, open_rooms
from cardscanner.shipped import photo_finder
from cardscanner_tools.evaluate.catalogue_charts import percent
from cardscanner_tools.evaluate.conditions import CLEAN_VIEW, HARD_LEVELS, USUAL_VIEW, Condition
from cardscanner_tools.evaluate.figures import share
from cardscanner_tools.evaluate.findings import Findings
from cardscanner_tools.evaluate.rendered import CATALOGUE_SEED, STRANGERS_SEED, code_hash
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import CardSpec, catalogue
from cardscanner_tools.scene.capture import USUAL, photograph

FACE_PX = 672
"""Height of the faces; digits of a collector number are 12 of them."""
_REPRINTS = 0.35
_PLAIN = replace(USUAL, glare=0.0, occlusion=0.0)

CONDITIONS = (
    CLEAN_VIEW,
    USUAL_VIEW,
    Condition("corners 10%", replace(_PLAIN, corner_error=0.1)),
    Condition("glare", replace(_PLAIN, glare=1.0)),
    Condition("fingers", replace(_PLAIN, occlusion=1.0)),
    Condition("45 to 90 px wide", replace(_PLAIN, card_width_px=(45, 90))),
    *HARD_LEVELS[1:],
)

VECTORS, LOOKS = "vectors alone", "second look"


@dataclass(frozen=True, slots=True)
class Answer:
    """One view: what it shows (``None``: a card that is not in the database), and both verdicts."""

    spec: CardSpec | None
    verdicts: dict[str, Verdict]


def looks_suite(folder: Path, model: Path, cards: int, queries: int, seed: int) -> Findings:
    """Measure ``queries`` known and as many unknown cards in each condition."""
    specs = catalogue(cards, CATALOGUE_SEED, _REPRINTS)
    strangers = catalogue(queries, STRANGERS_SEED, 0.0)
    arts = {spec.card_id: spec.art for spec in specs}
    pick = np.random.default_rng([seed, 5]).choice(cards, min(queries, cards), replace=False)
    found = Findings("looks")
    database = _database(folder, model, specs)
    embedder = OnnxConfig(backend="onnx", model=model, threads=1)
    measured: dict[str, Any] = {}
    with open_rooms(photo_finder("contours"), embedder, IndexConfig(database=database)) as rooms:
        rule = rooms.database.manifest.accept
        for condition in CONDITIONS:
            known = [specs[int(number)] for number in pick]
            answers = [
                *_answers(known, condition, seed, rooms, lambda spec: spec),
                *_answers(strangers, condition, seed + 1, rooms, lambda _: None),
            ]
            measured[condition.name] = {name: _figures(answers, name, arts) for name in (VECTORS, LOOKS)}
    found.document = {
        "seed": seed, "catalogue_seed": CATALOGUE_SEED, "strangers_seed": STRANGERS_SEED, "cards": cards,
        "queries": len(pick), "accept": rule.model_dump(mode="json"), "conditions": measured,
    }  # fmt: skip
    _show(found)
    return found


def _database(folder: Path, model: Path, specs: Sequence[CardSpec]) -> Path:
    """Return the database of the cards, built once for each model and renderer."""
    tools = Path(__file__).parents[1]
    manifest = load_model_manifest(model)
    name = f"looks-{manifest.space}-{len(specs)}-{code_hash(tools / 'render')}"
    if (folder / name / "manifest.json").is_file():
        return folder / name
    pictures = folder / f"{name}-faces"
    pictures.mkdir(parents=True, exist_ok=True)
    with (pictures / "cards.csv").open("w", newline="", encoding="utf-8") as table:
        rows = csv.writer(table)
        rows.writerow(["card_id", "file", "name", "number", "set", "art_group"])
        for spec in tqdm(specs, desc="drawing cards", unit="card"):
            file = f"{spec.card_id}.jpg"
            cv2.imwrite(str(pictures / file), render_card(spec, FACE_PX)[:, :, ::-1])
            rows.writerow([spec.card_id, file, spec.name, spec.number, spec.set_code, spec.art])
    with closing(load_embedder(OnnxConfig(backend="onnx", model=model))) as embedder:
        build_database(
            pictures / "cards.csv", folder / name, embedder, manifest, progress=Progress(StringIO())
        )
    return folder / name


def _answers(
    specs: Sequence[CardSpec],
    condition: Condition,
    seed: int,
    rooms: Rooms,
    shows: Callable[[CardSpec], CardSpec | None],
) -> list[Answer]:
    found = []
    for number, spec in enumerate(tqdm(specs, desc=condition.name, unit="view")):
        rng = np.random.default_rng([seed, zlib.crc32(condition.name.encode()), number])
        view, corners = photograph(rng, render_card(spec, FACE_PX), condition.style)
        found.append(Answer(shows(spec), _verdicts(view, Quad(corners, 1.0), rooms)))
    return found


def _verdicts(view: Picture, quad: Quad, rooms: Rooms) -> dict[str, Verdict]:
    [sighting] = rooms.eye.sight(view, [quad], Stopwatch())
    alone = judge(sighting.neighbours, rooms.database.card_of, rooms.rule)
    return {VECTORS: alone, LOOKS: rooms.judged(view, sighting, top=5)}


def _figures(answers: Sequence[Answer], name: str, arts: dict[str, int]) -> dict[str, Any]:
    known = [(each.spec, each.verdicts[name]) for each in answers if each.spec is not None]
    unknown = [each.verdicts[name] for each in answers if each.spec is None]
    took = [verdict.decision != "no_match" for _, verdict in known]
    right = [bool(v.candidates) and arts[v.candidates[0].card.card_id] == spec.art for spec, v in known]
    counts: dict[int, int] = {}
    for art in arts.values():
        counts[art] = counts.get(art, 0) + 1
    prints = [(spec, verdict) for spec, verdict in known if counts[spec.art] > 1]
    named = [verdict.card is not None for _, verdict in prints]
    exact = [verdict.card is not None and verdict.card.card_id == spec.card_id for spec, verdict in prints]
    return {
        "accepted_right": share([a and b for a, b in zip(took, right, strict=True)]),
        "accepted_wrong": share([a and not b for a, b in zip(took, right, strict=True)]),
        "unknown_accepted": share([verdict.decision != "no_match" for verdict in unknown]),
        "print_named_right": share(exact),
        "print_named_wrong": share([a and not b for a, b in zip(named, exact, strict=True)]),
    }


def _show(found: Findings) -> None:
    columns = (
        "accepted_right",
        "accepted_wrong",
        "unknown_accepted",
        "print_named_right",
        "print_named_wrong",
    )
    rows: list[list[object]] = [
        [condition, name, *(percent(figures[column]) for column in columns)]
        for condition, by in found.document["conditions"].items()
        for name, figures in by.items()
    ]
    heads = ["condition", "judged by", *(column.replace("_", " ") for column in columns)]
    title = f"Second looks: {found.document['queries']} known and unknown cards for each condition"
    found.tables.append((title, heads, rows))
