"""Rendered cards before a simulated camera, and their stored pictures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from cardscanner.match.captures import CAPTURE, Scene, Strength, simulate_scene
from cardscanner.records import Candidate, Card, Picture
from cardscanner.verify.maps import own_map, print_map
from cardscanner.verify.stored import PICTURES_FILE, StoredPictures, open_pictures
from cardscanner.verify.storing import encode_reference, write_maps, write_pictures
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import CardSpec, catalogue

CALM = replace(CAPTURE, corner=0.0, blur=0.0, noise=0.0, glare=0.0, jpeg=95)


@cache
def _specs() -> list[CardSpec]:
    """Cards of different artworks: no reprints among them."""
    first: dict[str, CardSpec] = {}
    for spec in catalogue(80, seed=11):
        first.setdefault(spec.art, spec)
    return list(first.values())


@cache
def face(number: int) -> Picture:
    """A rendered card, 460 pixels high."""
    return render_card(_specs()[number], 460)


def with_number(picture: Picture, number: str) -> Picture:
    """The same card with another collector number: nothing else differs."""
    changed = picture.copy()
    height, width = changed.shape[:2]
    cv2.rectangle(
        changed, (width // 20, height * 95 // 100), (width // 4, height * 99 // 100), (235, 235, 225), -1
    )
    where = (width // 18, height * 985 // 1000)
    cv2.putText(changed, number, where, cv2.FONT_HERSHEY_SIMPLEX, height / 1100, (10, 10, 10), 1, cv2.LINE_AA)
    return changed


def stored_pictures(
    folder: Path, faces: list[Picture], groups: list[list[int]] | None = None
) -> StoredPictures:
    """Store pictures with their maps: each card told from the four that follow, prints from their group."""
    path = folder / PICTURES_FILE
    write_pictures(path, map(encode_reference, faces), len(faces))
    pictures = open_pictures(path, len(faces))
    twins = {row: [each for each in group if each != row] for group in groups or [] for row in group}
    own, prints = np.zeros((len(faces), 88), np.float16), np.zeros((len(faces), 352), np.float16)
    for row in range(len(faces)):
        others = [(row + step) % len(faces) for step in range(1, 5)]
        others = [each for each in others if each != row and each not in twins.get(row, [])]
        own[row] = own_map(pictures.half(row), [pictures.half(each) for each in others])
        if row in twins:
            prints[row] = print_map(row, twins[row], pictures)
    pictures.close()
    write_maps(path, own, prints)
    return open_pictures(path, len(faces))


def scene(picture: Picture, seed: int, strength: Strength = CAPTURE, card_px: float | None = None) -> Scene:
    """A capture; ``card_px`` shrinks it until the card is that wide."""
    made = simulate_scene(picture, strength, np.random.default_rng(seed))
    if card_px is None:
        return made
    wide = float(np.linalg.norm(made.corners[1] - made.corners[0]))
    share = card_px / wide
    size = (round(made.picture.shape[1] * share), round(made.picture.shape[0] * share))
    small = cv2.resize(made.picture, size, interpolation=cv2.INTER_AREA)
    scale = np.array(size) / np.array(made.picture.shape[1::-1])
    return Scene(small, ((made.corners + 0.5) * scale - 0.5).astype(np.float32))


def candidates(*rows: int, artworks: dict[int, int] | None = None, step: float = 0.1) -> list[Candidate]:
    """Candidates in the order given."""
    groups = artworks or {}
    return [
        Candidate(Card(f"card-{row}", "", groups.get(row, row)), 0.9 - step * place, row)
        for place, row in enumerate(rows)
    ]
