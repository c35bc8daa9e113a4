"""Building a reference database: pictures in, a sealed folder out, restartable at any point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cardscanner.errors import ArtifactError, Disagreement, InputError
from cardscanner.manifest import MANIFEST, DatabaseManifest, ModelManifest
from cardscanner.match.assemble import Title, assemble
from cardscanner.match.card_table import Reference, read_source
from cardscanner.match.embedding import Unreadable, embed_references
from cardscanner.match.progress import Progress
from cardscanner.match.replacement import install
from cardscanner.match.work_area import PART_CARDS, WorkArea, identity_of, work_area
from cardscanner.ports import Embedder

_UNREADABLE_SHOWN = 50


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build made, and which references it had to leave out."""

    manifest: DatabaseManifest
    unreadable: tuple[Unreadable, ...]


def build_database(  # noqa: PLR0913 - what varies is given by name
    source: Path,
    out: Path,
    embedder: Embedder,
    model: ModelManifest,
    *,
    title: Title | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    part_cards: int = PART_CARDS,
    pictures: bool = True,
) -> BuildReport:
    """Build the database folder ``out`` from a folder of pictures or a CSV card table.

    An interrupted build goes on where it stopped. A finished database that lies in ``out`` is replaced in
    one step at the very end. References that cannot be read are left out and listed. ``part_cards`` of them
    are embedded between two savings. Without a title, the database is called like its folder and
    its version is the day. ``pictures`` keeps a small grey picture of each card, for a second look.

    Raises
    ------
    InputError
        The source cannot be used, no picture in it can be read, or with ``strict`` one cannot.
    ArtifactError
        ``out`` cannot be written, holds something else, or another build is at work in it.
    """
    progress = progress or Progress()
    _check_model(embedder, model)
    _check_target(out)
    references = read_source(source)
    title = title or Title(out.resolve().name, f"{datetime.now(UTC):%Y.%m.%d}")
    identity = identity_of(references, model, embedder.info.sha256)
    with work_area(out, identity, part_cards, progress) as work:
        embed_references(references, embedder, work, progress)
        kept, unreadable = _sift(references, work)
        _refuse(source, kept, unreadable, strict=strict)
        manifest = assemble(kept, work, embedder, model, title, progress, pictures=pictures)
        install(work.folder, out, sorted(manifest.files))
    return BuildReport(manifest, tuple(unreadable))


def _check_model(embedder: Embedder, model: ModelManifest) -> None:
    info = embedder.info
    if (info.space, info.dim) != (model.space, model.dim):
        raise Disagreement(
            f"the embedder gives {info.dim}-d vectors of {info.space}, the model manifest of {model.name} "
            f"{model.version} says {model.dim}-d of {model.space}: they do not belong together"
        )


def _check_target(out: Path) -> None:
    """Keep a slip of the pen from replacing a model or from writing over something that is no folder."""
    if out.exists() and not out.is_dir():
        raise ArtifactError(f"{out} is not a folder: choose another place for the database")
    try:
        kind = json.loads((out / MANIFEST).read_text(encoding="utf-8")).get("kind")
    except (OSError, ValueError, AttributeError):
        return
    if kind != "database":
        raise ArtifactError(f"{out} holds a {kind}, not a database: choose another folder")


def _sift(references: Sequence[Reference], work: WorkArea) -> tuple[list[Reference], list[Unreadable]]:
    """Return the references that have a vector, in the order of the rows, and those that have none."""
    kept: list[Reference] = []
    unreadable: list[Unreadable] = []
    for number in range(work.finished_parts()):
        part = work.load(number)
        kept.extend(references[position] for position in part.positions)
        unreadable.extend(
            Unreadable(references[position].card_id, reason) for position, reason in part.unreadable.items()
        )
    return kept, unreadable


def _refuse(
    source: Path, kept: Sequence[Reference], unreadable: Sequence[Unreadable], *, strict: bool
) -> None:
    if kept and not (strict and unreadable):
        return
    listed = [f"  {each.card_id}: {each.reason}" for each in unreadable[:_UNREADABLE_SHOWN]]
    if len(unreadable) > _UNREADABLE_SHOWN:
        listed.append(f"  ... and {len(unreadable) - _UNREADABLE_SHOWN} more")
    what = "not one picture" if not kept else f"only {len(kept)} of {len(kept) + len(unreadable)} pictures"
    raise InputError("\n".join([f"{source}: {what} can be read; nothing was built", *listed]))
