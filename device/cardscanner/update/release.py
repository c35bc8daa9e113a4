"""The two documents that are signed: what a release is, and which releases there are."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from cardscanner.errors import UpdateRefused
from cardscanner.manifest import FileEntry

Kind = Literal["database", "model", "program"]
KINDS: tuple[Kind, ...] = ("database", "model", "program")

RELEASE, INDEX, SIGNATURE = "release.json", "index.json", ".minisig"
MOST_DOCUMENT_BYTES = 4 << 20
"""Of a release or index document: far more than ten thousand releases need."""
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,5}(\+[0-9]{1,9})?")
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_PAGE = r"^https://"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@ -]{0,127}")


def _inside(text: str) -> str:
    """Take a relative path that stays where it is put."""
    parts = PurePosixPath(text).parts
    if not parts or len(parts) > 6 or "/".join(parts) != text or not all(map(_PART.fullmatch, parts)):
        raise ValueError(f"{text!r} is no plain relative path")
    return text


def _numbered(text: str) -> str:
    if not _VERSION.fullmatch(text):
        raise ValueError(f"{text!r} is no version: numbers with dots, as 2026.11.1 or 1.4.0+2")
    return text


Inside = Annotated[str, AfterValidator(_inside)]
Version = Annotated[str, AfterValidator(_numbered)]


class _Document(BaseModel):
    """Keys that are not known here are for newer scanners: `format` goes up where they must not be missed."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Patch(_Document):
    """How to make one file of the release from a file that the box may have already."""

    file: Inside
    source_sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the file that it starts from")
    path: Inside
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=1)


class SelfTest(_Document):
    """What the release must be able to do on the box, or it is taken back."""

    floor: float = Field(ge=0, le=1, description="share of known pictures that must be recognised")
    measured: float = Field(ge=0, le=1, description="the same share where the release was made")
    pictures: int = Field(default=0, ge=0, le=1000, description="of the database's own, drawn evenly")
    probes: dict[Inside, str] = Field(default={}, description="pictures in the release: file and card id")
    agreement_floor: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="share of the box's own recent matches that must be matched as before",
    )


class Release(_Document):
    """``release.json``: everything about one version of one thing."""

    format: Literal[1] = 1
    document: Literal["release"] = "release"
    kind: Kind
    name: str = Field(pattern=_NAME)
    version: Version
    created: AwareDatetime
    notes: str = Field(default="", max_length=255)
    page: str | None = Field(default=None, max_length=500, pattern=_PAGE, description="where to read more")
    files: dict[Inside, FileEntry] = Field(min_length=1)
    patches: tuple[Patch, ...] = ()
    space: str | None = Field(default=None, description="embedding space; of databases and models")
    dim: int | None = Field(default=None, ge=8)
    python: tuple[str, ...] = Field(default=(), description="of programs: versions they run on, as 3.11")
    machine: str | None = Field(default=None, description="of programs: as `uname -m` says it")
    self_test: SelfTest | None = None

    @model_validator(mode="after")
    def _complete(self) -> Release:
        if {RELEASE, RELEASE + SIGNATURE} & self.files.keys():
            raise ValueError(f"{RELEASE} cannot be one of its own files")
        if self.kind != "program" and (self.space is None or self.dim is None):
            raise ValueError(f"a {self.kind} needs space and dim")
        if self.self_test and not self.self_test.probes.keys() <= self.files.keys():
            raise ValueError("a probe is not among the files")
        if not {each.file for each in self.patches} <= self.files.keys():
            raise ValueError("a patch makes a file that is not among the files")
        return self

    @property
    def title(self) -> str:
        """Words for messages."""
        return f"{self.kind} {self.name} {self.version}"

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(each.size for each in self.files.values())


class Listed(_Document):
    """A line of the index."""

    kind: Kind
    name: str = Field(pattern=_NAME)
    version: Version
    path: Inside
    """Its folder, seen from the index."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of its release.json")
    size: int = Field(ge=1, le=MOST_DOCUMENT_BYTES)
    notes: str = Field(default="", max_length=255)
    page: str | None = Field(default=None, max_length=500, pattern=_PAGE)


class Index(_Document):
    """``index.json``: which releases there are; a newer one has a higher serial."""

    format: Literal[1] = 1
    document: Literal["index"] = "index"
    serial: int = Field(ge=1, lt=2**53)
    created: AwareDatetime
    expires: AwareDatetime
    releases: tuple[Listed, ...] = ()

    def newest(self, kind: Kind, name: str) -> Listed | None:
        """Return the newest release of a thing, or ``None``."""
        found = [each for each in self.releases if (each.kind, each.name) == (kind, name)]
        return max(found, key=lambda each: order_of(each.version), default=None)

    def find(self, kind: Kind, name: str, version: str) -> Listed | None:
        """Return one release, or ``None``."""
        wanted = (kind, name, version)
        return next((each for each in self.releases if (each.kind, each.name, each.version) == wanted), None)

    def has_expired(self, now: datetime) -> bool:
        """Whether a fresher one should have come long ago."""
        return now > self.expires


def order_of(version: str) -> tuple[tuple[int, ...], int]:
    """Return what versions are compared by; :class:`ValueError` when it is no version of ours."""
    numbers, _, change = _numbered(version).partition("+")
    parts = [int(each) for each in numbers.split(".")]
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return tuple(parts), int(change or 0)


def is_older(version: str, than: str) -> bool:
    """Whether a version comes before another; one that is not ours is never newer."""
    try:
        return order_of(version) < order_of(than)
    except ValueError:
        return False


D = TypeVar("D", Release, Index)


def read_document(data: bytes, kind: type[D], name: str) -> D:
    """Read a document whose signature was checked.

    Raises
    ------
    UpdateRefused
        It is not what it should be; the message names the key.
    """
    try:
        document: Any = json.loads(data)
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the document"
        raise UpdateRefused("bad_document", f"{name}: {key}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise UpdateRefused("bad_document", f"{name}: no JSON document: {error}") from error


def read_kept(folder: Path) -> Release | None:
    """Return what a release folder on the box says it is, or ``None`` where that was never one."""
    path = folder / RELEASE
    return read_document(path.read_bytes(), Release, str(path)) if path.is_file() else None
