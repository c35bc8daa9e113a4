"""``.build/`` inside the database folder: what an interrupted build has already done.

References are embedded in parts. A part is one file that appears whole or not at all, and its batches depend
only on its place in the source; so a build that was killed anywhere goes on with the next part and ends with
the same bytes as one that was not.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import ArtifactError
from cardscanner.files import replacing, write_json
from cardscanner.manifest import ModelManifest
from cardscanner.match.card_table import Reference
from cardscanner.match.progress import Progress
from cardscanner.match.replacement import settle
from cardscanner.match.unit_vectors import Precision, Stored, joined

PART_CARDS = 256


_FOLDER = ".build"
_JOURNAL = "journal.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some consecutive references, embedded."""

    positions: NDArray[np.int64]
    """Where in the source the embedded ones stand."""
    vectors: Stored
    unreadable: dict[int, str]
    """Position in the source -> why there is no vector."""


class WorkArea:
    """The folder of one build."""

    def __init__(self, folder: Path, part_cards: int, dtype: Precision) -> None:
        self.folder = folder
        self.part_cards = part_cards
        self.dtype: Precision = dtype

    def finished_parts(self) -> int:
        """Return how many parts lie here."""
        return len(list(self.folder.glob("part-*.npz")))

    def has(self, number: int) -> bool:
        """Return whether a part is done."""
        return self._path(number).is_file()

    def save(self, number: int, part: Part) -> None:
        """Store a part durably."""
        reasons = json.dumps({str(position): reason for position, reason in part.unreadable.items()})
        with replacing(self._path(number)) as temporary, temporary.open("wb") as file:
            np.savez(file, positions=part.positions, vectors=part.vectors, unreadable=np.array(reasons))

    def load(self, number: int) -> Part:
        """Read a part; :class:`ArtifactError` when it is damaged."""
        path = self._path(number)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                reasons = json.loads(str(arrays["unreadable"]))
                return Part(
                    arrays["positions"],
                    arrays["vectors"],
                    {int(key): value for key, value in reasons.items()},
                )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ArtifactError(
                f"{path} is damaged: {error}; delete {self.folder} and build again"
            ) from error

    def all_vectors(self) -> Stored:
        """Return the vectors of all parts."""
        return joined([self.load(number).vectors for number in range(self.finished_parts())], self.dtype)

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.npz"


@contextmanager
def work_area(
    out: Path,
    identity: dict[str, str],
    part_cards: int,
    progress: Progress,
    *,
    dtype: Precision = "float16",
    name: str = _FOLDER,
) -> Iterator[WorkArea]:
    """Open the work area of a database folder, alone; it stays when the build fails and goes when it is done.

    ``identity`` names what the parts depend on; parts made from anything else are thrown away.

    Raises
    ------
    ArtifactError
        Another build is at work in this folder, or it cannot be written.
    """
    with writing(out):
        folder = out / name
        parts = f"format {_FORMAT}, {part_cards} cards each, {dtype}"
        _begin(folder, {**identity, "parts": parts}, progress)
        yield WorkArea(folder, part_cards, dtype)
        shutil.rmtree(folder)


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Make a database folder if need be and hold it alone while it is written.

    Raises
    ------
    ArtifactError
        Another process writes there, or it cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with _alone(out):
            settle(out)
            yield
    except OSError as error:
        raise ArtifactError(
            f"{out} cannot be written: {error}; nothing is lost: make room or set the permissions and run "
            "the same command again, it goes on where it stopped"
        ) from error


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the folder's lock; it ends with the process, however that ends."""
    handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(handle, out)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, out: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ArtifactError(
            f"{out}: another build or change is at work in this folder; wait for it or stop it"
        ) from None


def _begin(folder: Path, identity: dict[str, str], progress: Progress) -> None:
    before = _read_journal(folder / _JOURNAL)
    if before == identity:
        return
    if before is not None:
        changed = [key for key, value in identity.items() if before.get(key) != value]
        progress.note(f"{', '.join(changed)} changed since the build that was interrupted: starting anew")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir()
    write_json(folder / _JOURNAL, identity)


def _read_journal(path: Path) -> dict[str, str] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}


def identity_of(references: Sequence[Reference], model: ModelManifest, model_sha256: str) -> dict[str, str]:
    """Return what the vectors depend on: the pictures (by name, size and time) and the model file."""
    source = hashlib.sha256()
    for each in references:
        found = each.path.stat()
        line = [each.card_id, each.image, found.st_size, found.st_mtime_ns]
        source.update(json.dumps(line).encode())
    return {"source": source.hexdigest(), "model": f"{model.space} {model_sha256}"}
