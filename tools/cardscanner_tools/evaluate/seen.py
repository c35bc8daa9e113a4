"""Cards whose references were in the training against cards never seen, in galleries of equal size.

The seen cards come from the training's own pool folder, because a pool borrows art from pictures that the
catalogue's seed alone does not bring back; the unseen ones are drawn by the pool's recipe from another seed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import InputError
from cardscanner.records import Picture
from cardscanner.rectify import rectify, whole_picture_corners
from cardscanner_tools.evaluate.conditions import HARD_LEVELS, HARDEST, USUAL_VIEW, captures
from cardscanner_tools.evaluate.encoders import MODEL, Panel
from cardscanner_tools.evaluate.figures import Figure, share
from cardscanner_tools.evaluate.ranking import Labels, rank
from cardscanner_tools.evaluate.readings import Crops, read_both_ways, stored_readings
from cardscanner_tools.evaluate.rendered import CATALOGUE_SEED
from cardscanner_tools.training.pool import Pool, render_pool

SEEN_CONDITIONS = (USUAL_VIEW, HARD_LEVELS[1], HARDEST)


def seen_against_unseen(
    folder: Path, panel: Panel, pool: Path, cards: int, queries: int, seed: int
) -> dict[str, Any]:
    """Return artwork top-1 of both sides by condition and the points lost on unseen cards."""
    seen, recipe = _open(pool)
    count = min(cards, int(recipe["cards"]))
    art, faces = (_folder(recipe.get(key)) for key in ("art", "faces"))
    unseen = render_pool(folder / "unseen", count, CATALOGUE_SEED, faces, art)
    hits = {
        name: _top1(folder, panel, each, name, count, queries, seed)
        for name, each in (("seen", seen), ("unseen", unseen))
    }
    every = {name: np.concatenate(list(each.values())) for name, each in hits.items()}
    return {
        "cards": count,
        "pool_seed": recipe["seed"],
        "same_renderer": recipe.get("code") == _open(folder / "unseen")[1].get("code"),
        "borrowed_art": art is not None,
        "conditions": {
            condition: {
                "seen": share(hits["seen"][condition]),
                "unseen": share(hits["unseen"][condition]),
                "loss": difference(hits["seen"][condition], hits["unseen"][condition]),
            }
            for condition in hits["seen"]
        },
        "loss": difference(every["seen"], every["unseen"]),
    }


def difference(seen: NDArray[np.bool_], unseen: NDArray[np.bool_]) -> Figure:
    """Return the difference of two shares of independent samples, Newcombe's interval (1998, method 10)."""
    one, other = share(seen), share(unseen)
    if one is None or other is None:
        raise InputError("seen against unseen: there are no queries; ask for at least one with --queries")
    value = one.value - other.value
    low = value - float(np.hypot(one.value - one.low, other.high - other.value))
    high = value + float(np.hypot(one.high - one.value, other.value - other.low))
    return Figure(value, low, high, one.n)


def _top1(
    folder: Path, panel: Panel, pool: Pool, name: str, count: int, queries: int, seed: int
) -> dict[str, NDArray[np.bool_]]:
    reader = next(each for each in panel.readers if each.name == MODEL)
    labels: Labels = pool.labels[:count]
    mark = f"{int(pool.faces[:count:97].astype(np.int64).sum()):x}"
    gallery = stored_readings(
        folder, _references(pool, f"{name}-{count}-{mark}", count), [reader], f"{name} cards"
    )
    pick = np.random.default_rng([seed, 3]).choice(count, min(queries, count), replace=False)
    faces = [np.asarray(pool.faces[int(number)]) for number in pick]
    hits = {}
    for condition in SEEN_CONDITIONS:
        both = read_both_ways(captures(faces, condition, seed), [reader], f"{name}, {condition.name}")
        ranking = rank([both.upright[MODEL], both.turned[MODEL]], gallery[MODEL])
        hits[condition.name] = ranking.label_hits(labels, labels[pick], 1)
    return hits


def _references(pool: Pool, key: str, count: int) -> Crops:
    def crop(number: int, height: int, width: int) -> Picture:
        face = np.ascontiguousarray(pool.faces[number])
        return rectify(face, whole_picture_corners(face), height, width)

    return Crops(key, count, crop)


def _open(folder: Path) -> tuple[Pool, dict[str, Any]]:
    try:
        recipe = json.loads((folder / "pool.json").read_text(encoding="utf-8"))["recipe"]
        return Pool(folder, np.load(folder / "labels.npy")), dict(recipe)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder} is no finished pool of training cards ({error}): name the folder `pool` of a run"
        ) from error


def _folder(text: str | None) -> Path | None:
    """Return a folder of a pool's recipe, ``None`` when the pool had none or it is not on this machine."""
    return Path(text) if text and text != "None" and Path(text).is_dir() else None
