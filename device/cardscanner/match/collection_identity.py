"""Which vectors a collection of a search engine holds, and whether they are those of a database."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cardscanner.errors import ArtifactError, Disagreement
from cardscanner.manifest import DatabaseManifest
from cardscanner.match.database import VECTORS_FILE

_FORMAT = 1
_KEY = "cardscanner"
_NAME_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two collections hold the same rows. Points are numbered like the rows of the base."""

    space: str
    dim: int
    rows: int
    vectors_sha256: str
    database: str
    """Name and version, for people: a database that was only renamed has the same vectors."""

    @property
    def collection(self) -> str:
        """Name of the collection when nobody chooses one: another version never takes the place of this."""
        return f"cardscanner-{self.vectors_sha256[:_NAME_DIGITS]}"


@dataclass(frozen=True, slots=True)
class Label:
    """What is written on a collection."""

    identity: Identity
    complete: bool
    """Every row was there and was counted; until then nobody may search it."""


def identity_of(manifest: DatabaseManifest) -> Identity:
    """Return the identity of a database's base; what was changed since is searched beside it."""
    return Identity(
        manifest.space,
        manifest.dim,
        manifest.rows,
        manifest.files[VECTORS_FILE].sha256,
        f"{manifest.name} {manifest.version}",
    )


def label_document(label: Label) -> dict[str, Any]:
    """Return the metadata of a collection."""
    return {_KEY: {"format": _FORMAT, "complete": label.complete, **asdict(label.identity)}}


def read_label(metadata: Any, place: str) -> Label:
    """Read the metadata of a collection.

    Raises
    ------
    ArtifactError
        It was not made by ``cardscanner db push``, or by another version of it.
    """
    written = metadata.get(_KEY) if isinstance(metadata, dict) else None
    try:
        fields = dict(written or {})
        known = fields.pop("format") == _FORMAT
        complete = fields.pop("complete") is True
        label = Label(Identity(**fields), complete)
    except (KeyError, TypeError, ValueError):
        known = False
    if not known:
        raise ArtifactError(
            f"{place} was not made by this version of cardscanner: choose another name with --collection or "
            "index.qdrant.collection, or delete it and push the database again"
        )
    return label


def refuse_other(found: Identity, wanted: Identity, place: str) -> None:
    """Check that a collection is the one of a database.

    Raises
    ------
    Disagreement
        Its vectors are of another embedding space or dimension.
    ArtifactError
        They are those of another database, or of another version of it.
    """
    if (found.space, found.dim) != (wanted.space, wanted.dim):
        raise Disagreement(
            f"{place} holds vectors of {found.space} ({found.dim}-d), the database {wanted.database} those "
            f"of {wanted.space} ({wanted.dim}-d): push this database into a collection of its own"
        )
    if (found.rows, found.vectors_sha256) != (wanted.rows, wanted.vectors_sha256):
        raise ArtifactError(
            f"{place} holds the {found.rows} vectors of {found.database}, not the {wanted.rows} of "
            f"{wanted.database}: push this database (cardscanner db push) into a collection of its own"
        )
