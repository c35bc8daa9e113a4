"""Manifests of models and databases: what the files are, and whether the two belong together."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cardscanner.errors import ArtifactError, Disagreement
from cardscanner.files import sha256_of

MANIFEST = "manifest.json"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileEntry(_Strict):
    """One file beside the manifest."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=1, description="bytes")


class InputSpec(_Strict):
    """What the network takes: always RGB uint8 NHWC, normalised inside."""

    height: int = Field(default=224, ge=16)
    width: int = Field(default=224, ge=16)


class ModelManifest(_Strict):
    """``manifest.json`` of a model folder."""

    format: Literal[1] = 1
    kind: Literal["model"] = "model"
    name: str
    version: str
    space: str = Field(description="embedding-space id; files of one folder (ONNX, HEF) share it")
    input: InputSpec = InputSpec()
    dim: int = Field(default=768, ge=8)
    files: dict[str, FileEntry]
    hailo_arch: str | None = Field(default=None, description="chip that model.hef was compiled for")
    licence: str
    created: str
    notes: str = ""
    seal: str = Field(default="", description="SHA-256 of everything else in this manifest")


class FinderManifest(_Strict):
    """``manifest.json`` of a corner network's folder."""

    format: Literal[1] = 1
    kind: Literal["finder"] = "finder"
    name: str
    version: str
    side_px: dict[Literal["live", "thorough"], int] = Field(
        description="longer side of what the network sees, by effort"
    )
    files: dict[str, FileEntry]
    licence: str
    created: str
    notes: str = ""
    seal: str = Field(default="", description="SHA-256 of everything else in this manifest")


class IndexSpec(_Strict):
    """How ``index.ann`` was built and must be searched."""

    trees: int = Field(ge=1)
    search_k: int = Field(ge=1)
    seed: int
    measured: dict[str, float | int] = Field(
        default_factory=dict, description="recall against exact search at this search_k, on hard queries"
    )


class ListsSpec(_Strict):
    """How ``index.ivf`` was built and must be searched."""

    lists: int = Field(ge=1)
    probes: int = Field(ge=1, description="lists that are looked into for a query")
    seed: int
    measured: dict[str, float | int] = Field(
        default_factory=dict, description="recall against exact search with these probes, on hard queries"
    )


class SearchSpec(_Strict):
    """Which index this database is meant to be searched with, and what it was chosen by."""

    backend: Literal["annoy", "int8", "ivf"] = "annoy"
    measured: dict[str, dict[str, float | int]] = Field(
        default_factory=dict,
        description="by backend: recall on hard queries, and the time of one on the machine of the build",
    )


class VerifyRule(_Strict):
    """When an answer is believed that was looked at again.

    ``match`` needs margin + ``weight`` x score of the second look >= ``threshold``; telling prints of one
    artwork apart needs a lead of ``print_lead`` where they differ.
    """

    weight: float = Field(ge=0)
    threshold: float
    print_lead: float = Field(ge=0)
    calibration: dict[str, float | int | str] = Field(
        default_factory=dict, description="how the numbers were found"
    )


class AcceptRule(_Strict):
    """When an answer is believed.

    The margin is the best cosine minus the mean cosine of the artworks ranked ``first_rank`` to ``last_rank``
    (prints of one artwork count once, by their best). ``match`` needs ``margin >= threshold``; telling prints
    of one artwork apart needs a lead of ``print_gap`` over the next print.
    """

    first_rank: int = Field(default=2, ge=2)
    last_rank: int = Field(default=11, ge=2)
    threshold: float
    print_gap: float = Field(ge=0)
    calibration: dict[str, float | int | str] = Field(
        default_factory=dict, description="how the numbers were found: target, seed, rates reached"
    )
    verify: VerifyRule | None = Field(
        default=None, description="the rule for a second look; none where the database has no pictures"
    )

    @model_validator(mode="after")
    def _ranks_in_order(self) -> AcceptRule:
        if self.first_rank > self.last_rank:
            raise ValueError(
                "first_rank must not be larger than last_rank: no artwork would be compared with"
            )
        return self


class DeltaSpec(_Strict):
    """What was changed since the base (``vectors.npy``, ``index.ann``, ``cards.sqlite``) was built.

    Rows of added cards follow those of the base; ``removed`` rows of the base no longer count. A replaced
    card is both.
    """

    rows: int = Field(ge=0, description="vectors of added cards")
    removed: int = Field(ge=0, description="rows of the base that no longer count")
    vectors: str = Field(pattern=r"^delta-\d+\.npy$", description="file of the added vectors")
    cards: str = Field(pattern=r"^delta-\d+\.sqlite$", description="file of added cards and removed rows")
    pictures: str | None = Field(
        default=None, pattern=r"^delta-\d+\.bin$", description="file of small pictures of the added cards"
    )

    @property
    def files(self) -> list[str]:
        """Names of its files."""
        return [each for each in (self.vectors, self.cards, self.pictures) if each]


class DatabaseManifest(_Strict):
    """``manifest.json`` of a database folder."""

    format: Literal[1] = 1
    kind: Literal["database"] = "database"
    name: str
    version: str
    space: str
    model: str = Field(description="name and version of the model that made the vectors")
    model_sha256: str
    dim: int = Field(ge=8)
    rows: int = Field(ge=1, description="vectors of the base")
    cards: int = Field(ge=1)
    artworks: int = Field(ge=1)
    dtype: Literal["float16", "float32"]
    index: IndexSpec | None = Field(default=None, description="annoy; none where index.ann was not built")
    lists: ListsSpec | None = Field(default=None, description="ivf; none where index.ivf was not built")
    search: SearchSpec = SearchSpec()
    accept: AcceptRule
    files: dict[str, FileEntry]
    created: str
    changes: int = Field(default=0, ge=0, description="how often it was changed since it was built")
    delta: DeltaSpec | None = None
    seal: str = Field(default="", description="SHA-256 of everything else in this manifest")

    @model_validator(mode="after")
    def _meant_index_is_here(self) -> DatabaseManifest:
        if self.search.backend not in self.backends:
            raise ValueError(
                f"search.backend is {self.search.backend}, which this database was built without"
            )
        return self

    @property
    def backends(self) -> list[str]:
        """Names of the indexes that this database can be searched with, besides the exact one."""
        built = {"annoy": self.index is not None, "int8": True, "ivf": self.lists is not None}
        return [name for name, there in built.items() if there]

    @property
    def sha256(self) -> str:
        """Identity of the reference vectors."""
        base = self.files["vectors.npy"].sha256
        if self.delta is None:
            return base
        parts = [base, self.files[self.delta.vectors].sha256, self.files[self.delta.cards].sha256]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    @property
    def live_rows(self) -> int:
        """Number of vectors that count, those of changes included."""
        return self.rows + (self.delta.rows - self.delta.removed if self.delta else 0)

    @model_validator(mode="after")
    def _delta_fits(self) -> DatabaseManifest:
        if self.delta and not set(self.delta.files) <= self.files.keys():
            raise ValueError("the files of the delta are not listed")
        if self.live_rows < 1:
            raise ValueError("no row is left")
        return self


M = TypeVar("M", ModelManifest, FinderManifest, DatabaseManifest)


def load_model_manifest(folder: Path) -> ModelManifest:
    """Read a model's manifest and check its seal; :class:`ArtifactError` says what is wrong."""
    return _load(folder, ModelManifest)


def load_finder_manifest(folder: Path) -> FinderManifest:
    """Read a corner network's manifest and check its seal; :class:`ArtifactError` says what is wrong."""
    return _load(folder, FinderManifest)


def load_database_manifest(folder: Path) -> DatabaseManifest:
    """Read a database's manifest and check its seal; :class:`ArtifactError` says what is wrong with it."""
    return _load(folder, DatabaseManifest)


def _load(folder: Path, kind: type[M]) -> M:
    document = _read(folder, kind)
    manifest = _validated(folder, document, kind)
    _check_seal(folder, manifest.seal, document)
    return manifest


def seal_of(document: dict[str, Any]) -> str:
    """Return the SHA-256 of everything but the seal: no flipped byte, say in a threshold, goes unnoticed."""
    content = {key: value for key, value in document.items() if key != "seal"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sealed_document(manifest: ModelManifest | FinderManifest | DatabaseManifest) -> dict[str, Any]:
    """Return the JSON document of a manifest, with its seal."""
    document = manifest.model_dump(mode="json")
    return {**document, "seal": seal_of(document)}


def listed(folder: Path, files: dict[str, FileEntry], name: str) -> FileEntry:
    """Return the entry of a file; :class:`ArtifactError` when the manifest does not list it."""
    if name not in files:
        raise ArtifactError(f"{folder / MANIFEST} lists no {name}; it has {', '.join(sorted(files))}")
    return files[name]


def verified(folder: Path, files: dict[str, FileEntry], name: str) -> Path:
    """Return the path of a listed file after checking its size and hash.

    Raises
    ------
    ArtifactError
        The file is not listed, missing, or not the one the manifest describes.
    """
    path, entry = folder / name, listed(folder, files, name)
    if not path.is_file():
        raise ArtifactError(f"{path} is missing: restore it or build the folder again")
    if path.stat().st_size != entry.size:
        raise ArtifactError(
            f"{path} has {path.stat().st_size} bytes, its manifest says {entry.size}: "
            "the file is damaged or from another build; restore it or build the folder again"
        )
    if sha256_of(path) != entry.sha256:
        raise ArtifactError(
            f"{path} does not have the SHA-256 of its manifest: the file is damaged; "
            "restore it or build the folder again"
        )
    return path


def describe_file(path: Path) -> FileEntry:
    """Return the manifest entry of a file on disk."""
    return FileEntry(sha256=sha256_of(path), size=path.stat().st_size)


def agree(model: ModelManifest, database: DatabaseManifest) -> None:
    """Check that model and database share one embedding space.

    Raises
    ------
    Disagreement
        They do not; comparing their vectors would give confident nonsense.
    """
    if model.space == database.space and model.dim == database.dim:
        return
    raise Disagreement(
        f"database {database.name} {database.version} holds vectors of {database.space} "
        f"({database.dim}-d, made by {database.model}), but the model is {model.name} {model.version} "
        f"with {model.space} ({model.dim}-d): build the database with this model "
        "(cardscanner db build) or configure the model it was built with"
    )


def _read(folder: Path, kind: type[M]) -> Any:
    path = folder / MANIFEST
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"{path} is missing: {folder} is not a finished {_word(kind)} folder") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}") from error


def _check_seal(folder: Path, seal: str, document: Any) -> None:
    if seal != seal_of(document):
        raise ArtifactError(
            f"{folder / MANIFEST} does not carry the seal of its content: it is damaged or was edited; "
            "restore it or build the folder again (thresholds are overridden in the configuration)"
        )


def _validated(folder: Path, document: Any, kind: type[M]) -> M:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the document"
        raise ArtifactError(f"{folder / MANIFEST}: {key}: {first['msg']}") from error


def _word(kind: type[M]) -> str:
    return {ModelManifest: "model", FinderManifest: "finder", DatabaseManifest: "database"}[kind]
