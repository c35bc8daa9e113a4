"""Looking at a database folder: what it is (``db info``) and whether it is sound (``db verify``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cardscanner.errors import ArtifactError, IndexFault
from cardscanner.manifest import MANIFEST, load_database_manifest
from cardscanner.match.database import Database, open_database
from cardscanner.match.exact import exact_index
from cardscanner.match.opening import open_index
from cardscanner.match.replacement import located
from cardscanner.match.selftest import self_test
from cardscanner.verify.stored import Pictures


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    subject: str
    ok: bool
    detail: str


def describe(folder: Path) -> dict[str, object]:
    """Return the manifest of a database as a plain document; :class:`ArtifactError` when there is none."""
    return {"folder": str(folder), **load_database_manifest(folder).model_dump(mode="json")}


def verify(folder: Path) -> list[Check]:
    """Check everything in a database folder; what is wrong is told in the checks, nothing is raised.

    The manifest comes first, then the hash of each file, and only if all of them agree their content.
    """
    checks = [_check(MANIFEST, lambda: f"sealed, {load_database_manifest(folder).rows} rows")]
    if checks[0].ok:
        checks += _check_files(folder)
    if all(check.ok for check in checks):
        checks += _check_content(folder)
    return checks


def _check_files(folder: Path) -> list[Check]:
    manifest = load_database_manifest(folder)

    def look(name: str) -> str:
        return f"{located(folder, manifest, name).stat().st_size} bytes, SHA-256 as in the manifest"

    return [_check(name, partial(look, name)) for name in manifest.files]


def _check_content(folder: Path) -> Iterator[Check]:
    try:
        database = open_database(folder)
    except ArtifactError as error:
        yield Check("opening", ok=False, detail=str(error))
        return
    try:
        yield _check("vectors", lambda: _check_vectors(database))
        yield _check("cards", lambda: _check_cards(database))
        for backend in database.manifest.backends:
            yield _check(f"index {backend}", partial(_check_index, database, backend))
        if database.pictures is not None:
            yield _check("pictures", partial(_check_pictures, database.pictures))
    finally:
        database.close()


def _check_vectors(database: Database) -> str:
    exact_index(database.vectors)
    changed = ""
    if database.added is not None:
        exact_index(database.added)
        changed = f"; {len(database.added)} added, {int(database.removed.sum())} removed since"
    return f"{len(database.vectors)} finite unit vectors of {database.manifest.dim} values{changed}"


def _check_cards(database: Database) -> str:
    manifest, firsts = database.manifest, database.first_rows()
    prints = database.prints()
    cards, artworks = sum(prints), len(prints)
    if (cards, artworks) != (manifest.cards, manifest.artworks):
        raise ArtifactError(
            f"{cards} cards of {artworks} artworks, the manifest says {manifest.cards} of {manifest.artworks}"
        )
    rows = manifest.rows + (manifest.delta.rows if manifest.delta else 0)
    if (firsts[0] != 0 and not database.removed[0]) or firsts[-1] >= rows:
        raise ArtifactError(f"cards stand at rows {firsts[0]} to {firsts[-1]}, vectors at 0 to {rows - 1}")
    for row in firsts:
        if database.row_of(database.card_of(row).card_id) != row:
            raise ArtifactError(f"row {row} and its card do not point at each other")
    listed = sum(len(each.rows) for each in database.stored_cards())
    if listed != manifest.live_rows:
        raise ArtifactError(f"the cards have {listed} rows, the manifest says {manifest.live_rows}")
    return f"{cards} cards of {artworks} artworks, in the order of their rows"


def _check_pictures(pictures: Pictures) -> str:
    for row in range(len(pictures)):
        pictures.half(row)
    return f"{len(pictures)} small pictures can be decoded"


def _check_index(database: Database, backend: str) -> str:
    index = open_index(backend, database)
    try:
        self_test(index, exact_index(database.vectors), database.vectors)
    finally:
        index.close()
    return f"{backend} agrees with exact search"


def _check(subject: str, look: Callable[[], str]) -> Check:
    try:
        return Check(subject, ok=True, detail=look())
    except (ArtifactError, IndexFault) as error:
        return Check(subject, ok=False, detail=str(error))
