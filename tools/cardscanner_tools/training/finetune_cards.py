"""The cards to adapt to: read once from whatever ``cardscanner db build`` reads, and kept as one array."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from cardscanner.errors import InputError
from cardscanner.files import write_json
from cardscanner.match.card_table import Reference, read_source
from cardscanner.match.embedding import Unreadable
from cardscanner.pictures import read_picture
from cardscanner_tools.training.pool import HEIGHT, WIDTH


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The pictures that could be read, as one mapped array (N, 336, 241, 3), and the references they show."""

    references: tuple[Reference, ...]
    pictures: NDArray[np.uint8]
    unreadable: tuple[Unreadable, ...]
    identity: str
    """Changes when the source, one of its pictures or one of its art groups does."""


def read_faces(source: Path, folder: Path) -> Faces:
    """Read all references into ``folder``, or open what was read from the same files before.

    Raises
    ------
    InputError
        The source cannot be used, or not one of its pictures can be read.
    """
    references = read_source(source)
    identity = _identity(references)
    done, store = folder / "cards.json", folder / "faces.npy"
    if not done.is_file() or json.loads(done.read_text(encoding="utf-8"))["identity"] != identity:
        folder.mkdir(parents=True, exist_ok=True)
        done.unlink(missing_ok=True)
        unreadable = _read(references, store)
        write_json(done, {"identity": identity, "unreadable": unreadable})
    unreadable = json.loads(done.read_text(encoding="utf-8"))["unreadable"]
    kept = tuple(each for each in references if each.card_id not in unreadable)
    if not kept:
        why = "\n".join(f"  {card}: {reason}" for card, reason in [*unreadable.items()][:20])
        raise InputError(f"{source}: not one picture can be read\n{why}")
    pictures = np.load(store, mmap_mode="r")[: len(kept)]
    left_out = tuple(Unreadable(card, reason) for card, reason in unreadable.items())
    return Faces(kept, pictures, left_out, identity)


def _identity(references: Sequence[Reference]) -> str:
    listed = []
    for each in references:
        state = each.path.stat()
        listed.append([each.card_id, each.image, each.art_group, state.st_size, state.st_mtime_ns])
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def _read(references: Sequence[Reference], store: Path) -> dict[str, str]:
    """Write the faces one after the other; return why some are not among them."""
    size = (len(references), HEIGHT, WIDTH, 3)
    faces = np.lib.format.open_memmap(store, mode="w+", dtype=np.uint8, shape=size)
    unreadable: dict[str, str] = {}
    row = 0
    for reference in tqdm(references, desc="reading references", mininterval=2):
        try:
            face = read_picture(reference.path)
        except InputError as error:
            unreadable[reference.card_id] = str(error)
            continue
        faces[row] = cv2.resize(face, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        row += 1
    faces.flush()
    return unreadable
