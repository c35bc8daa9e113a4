"""What fine-tuning gained on cards that it saw, and what it cost on cards that it never saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from cardscanner.manifest import AcceptRule
from cardscanner.match.embedding import embed_crops
from cardscanner.match.exact import ExactIndex, exact_index
from cardscanner.match.margins import scores_of
from cardscanner.match.thresholds import smallest_threshold
from cardscanner.ports import Embedder
from cardscanner.records import Vectors
from cardscanner_tools.scene.capture import HARD, USUAL, CaptureStyle, capture
from cardscanner_tools.training.finetune_cards import Faces
from cardscanner_tools.training.finetune_split import Split, embed_faces

FALSE_ACCEPTS = 0.01
_STYLES = {"usual": USUAL, "hard": HARD}
_MOST_OF_ONE = 20
_RULE = AcceptRule(threshold=0.0, print_gap=0.0)

Figures = dict[str, float]
"""``seen_usual_top1``, ``seen_usual_accepted``, ...: shares between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Query:
    """One capture to be made: of which card, and drawn from which seed."""

    row: int
    seed: tuple[int, int]


def measure(embedder: Embedder, faces: Faces, split: Split, captures: int, seed: int) -> Figures:
    """Search captures of seen and of held-back cards among all cards; the same seed, the same captures.

    ``top1``: the artwork is right. ``accepted``: it is right and its margin is above the one that 1 % of
    unknown cards reach; unknown are the held-back cards, searched for with their own artwork taken out.
    """
    exact = exact_index(embed_faces(faces, embedder))
    figures: Figures = {}
    for number, (name, style) in enumerate(_STYLES.items()):
        groups = {
            "held_back": _queries(np.flatnonzero(split.held_back), captures, seed, 2 * number),
            "seen": _queries(split.seen_rows, captures, seed, 2 * number + 1),
        }
        vectors = {
            group: _captured(embedder, faces, queries, style, f"{group}, {name}")
            for group, queries in groups.items()
        }
        limit = _limit(exact, split, groups["held_back"], vectors["held_back"])
        for group, queries in groups.items():
            scores = scores_of(exact, split.artworks, (vectors[group],), _RULE)
            right = scores.artworks == _artworks(split, queries)
            figures[f"{group}_{name}_top1"] = float(right.mean())
            figures[f"{group}_{name}_accepted"] = float((right & (scores.margins >= limit)).mean())
    return figures


def _queries(rows: NDArray[np.int64], captures: int, seed: int, stream: int) -> list[Query]:
    """Every card as often as every other, in a drawn order, none more than 20 times."""
    draw: Generator = np.random.default_rng([seed, 12, stream])
    order = draw.permutation(rows)
    wanted = min(captures, _MOST_OF_ONE * len(rows))
    numbers = draw.integers(2**31, size=wanted)
    return [
        Query(int(row), (stream, int(number)))
        for row, number in zip(np.resize(order, wanted), numbers, strict=True)
    ]


def _captured(
    embedder: Embedder, faces: Faces, queries: list[Query], style: CaptureStyle, what: str
) -> Vectors:
    parts = [np.empty((0, embedder.info.dim), np.float32)]
    info = embedder.info
    for start in tqdm(range(0, len(queries), 64), desc=f"measuring: {what}", mininterval=2):
        crops = [
            capture(np.random.default_rng(query.seed), np.array(faces.pictures[query.row]), style, info.width)
            for query in queries[start : start + 64]
        ]
        parts.append(embed_crops(crops, embedder))
    return np.concatenate(parts)


def _limit(exact: ExactIndex, split: Split, queries: list[Query], vectors: Vectors) -> float:
    unknown = scores_of(exact, split.artworks, (vectors,), _RULE, hidden=_artworks(split, queries))
    return smallest_threshold(unknown.margins, FALSE_ACCEPTS)


def _artworks(split: Split, queries: list[Query]) -> NDArray[np.int64]:
    return np.asarray(split.artworks[[query.row for query in queries]])


def table(before: Figures, after: Figures) -> str:
    """Return both measurements side by side, in words."""
    lines = [
        f"{'simulated captures':28}{'before':^22}{'after':^22}",
        f"{'':28}{'top-1':>9} {'accepted':>10}  {'top-1':>9} {'accepted':>10}",
    ]
    words = {"seen": "cards it saw", "held_back": "cards it never saw"}
    for group, said in words.items():
        for style in _STYLES:
            key = f"{group}_{style}"
            cells = [
                _cells(figures[f"{key}_top1"], figures[f"{key}_accepted"]) for figures in (before, after)
            ]
            lines.append(f"{f'{said}, {style}':28}{cells[0]}  {cells[1]}")
    return "\n".join([*lines, f"accepted: right, at {FALSE_ACCEPTS:.0%} false accepts of cards never seen"])


def _cells(top1: float, accepted: float) -> str:
    return f"{100 * top1:8.1f}% {100 * accepted:9.1f}%"
