"""A reference from the user's own photo: the card is found, cut out, kept where the user can look at it."""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2

from cardscanner.commands.options import path, whole_number
from cardscanner.detect import find_cards, open_finder
from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner.manifest import load_database_manifest
from cardscanner.match.card_rows import Reference
from cardscanner.pictures import read_picture
from cardscanner.records import Corners, Picture
from cardscanner.rectify import card_picture, turned, whole_picture_corners
from cardscanner.shipped import photo_finder

OWN_FOLDER = "own"
OWN_TABLE = "cards.jsonl"
_FIELDS = ("set", "number", "lang", "rarity", "finish", "art_group")
_TALLEST_PX = 1056
_SURE = 0.5
"""Outlines below this confidence count only when there is nothing better."""


@dataclass(frozen=True, slots=True)
class OwnPicture:
    """A crop that was kept beside the database, and what its line in the table of own pictures says."""

    reference: Reference
    row: dict[str, str]
    fresh: bool
    """Whether the crop was not kept before."""

    def discard(self) -> None:
        """Delete the crop: the card did not get into the database."""
        if self.fresh:
            self.reference.path.unlink(missing_ok=True)

    def enter(self) -> None:
        """List the crop in the table, from which the next database can be made; one line for each card."""
        table = self.reference.path.parent / OWN_TABLE
        lines = table.read_text(encoding="utf-8").split("\n") if table.exists() else []
        kept = [line for line in lines if line and json.loads(line)["card_id"] != self.reference.card_id]
        with replacing(table) as temporary:
            temporary.write_text(
                "\n".join([*kept, json.dumps(self.row, ensure_ascii=False)]) + "\n", encoding="utf-8"
            )


def add_photo_options(parser: argparse.ArgumentParser) -> None:
    """Add what belongs to ``--photo``."""
    group = parser.add_argument_group("a photo of your own")
    group.add_argument("--photo", type=path, metavar="PHOTO", help="a photo that shows the card")
    group.add_argument("--as", dest="card_id", metavar="ID", help="card id")
    group.add_argument("--name", help="name of the card (default: its id)")
    for field in _FIELDS:
        group.add_argument(f"--{field.replace('_', '-')}", dest=f"field_{field}", metavar="TEXT", help=field)
    group.add_argument(
        "--pick", type=whole_number(1, 100), metavar="N", help="which card, when the photo shows several"
    )
    group.add_argument("--turned", action="store_true", help="the card lies upside down in the photo")
    group.add_argument("--whole", action="store_true", help="the photo is the card, from edge to edge")


def own_picture(arguments: argparse.Namespace) -> OwnPicture:
    """Cut the card out of the photo that the options name, and keep it in the database folder.

    Raises
    ------
    InputError
        The photo cannot be read, shows no card, or shows several and none was picked.
    ArtifactError
        There is no such database.
    """
    if not arguments.card_id:
        arguments.refuse("--photo needs --as: the id that the card shall have")
    load_database_manifest(arguments.folder)
    picture = read_picture(arguments.photo)
    corners = whole_picture_corners(picture) if arguments.whole else _found(picture, arguments)
    crop = card_picture(picture, corners, _TALLEST_PX)
    if arguments.turned:
        crop = turned(crop[None])[0]
    file, fresh = _keep(crop, arguments.folder / OWN_FOLDER, arguments.card_id)
    given = {field: getattr(arguments, f"field_{field}") for field in _FIELDS}
    metadata = {field: value for field, value in given.items() if value}
    name = arguments.name or arguments.card_id
    reference = Reference(arguments.card_id, name, file, f"{OWN_FOLDER}/{file.name}", metadata)
    row = {"card_id": arguments.card_id, "name": name, "file": file.name, **metadata}
    return OwnPicture(reference, row, fresh)


def _found(picture: Picture, arguments: argparse.Namespace) -> Corners:
    config = photo_finder()
    found = find_cards(picture, open_finder(config), config)
    quads = [each for each in found if each.confidence >= _SURE] or found
    photo = arguments.photo
    if not quads:
        raise InputError(
            f"{photo}: no card was found; lay it flat on a table of another colour, whole and in focus, or "
            "give --whole when the photo shows nothing but the card"
        )
    if arguments.pick is None and len(quads) > 1:
        places = [f"  --pick {number}: {_place(each.corners)}" for number, each in enumerate(quads, start=1)]
        raise InputError("\n".join([f"{photo}: {len(quads)} cards were found; say which one:", *places]))
    if arguments.pick is not None and arguments.pick > len(quads):
        raise InputError(f"{photo}: {len(quads)} cards were found, there is no number {arguments.pick}")
    return quads[(arguments.pick or 1) - 1].corners


def _place(corners: Corners) -> str:
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return f"from ({left:.0f}, {top:.0f}) to ({right:.0f}, {bottom:.0f})"


def _keep(crop: Picture, folder: Path, card_id: str) -> tuple[Path, bool]:
    """Write a crop as PNG, under a name that says the card and is that of no other picture."""
    encoded: Any = cv2.imencode(".png", crop[:, :, ::-1])[1]
    data = encoded.tobytes()
    name = f"{quote(card_id, safe='')[:80]}-{hashlib.sha256(data).hexdigest()[:8]}.png"
    fresh = not (folder / name).exists()
    folder.mkdir(exist_ok=True)
    with replacing(folder / name) as temporary:
        temporary.write_bytes(data)
    return folder / name, fresh
