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
from cardscanner.match.card_rows import with_views
from cardscanner.match.card_table import Reference, read_source
from cardscanner.match.embedding import EmbedAll, Unreadable, embed_references
from cardscanner.match.index_choice import Wanted
from cardscanner.match.progress import Progress
from cardscanner.match.replacement import install
from cardscanner.match.unit_vectors import Precision
from cardscanner.match.work_area import PART_CARDS, WorkArea, identity_of, work_area
from cardscanner.ports import Embedder

_UNREADABLE_SHOWN = 50


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build made, and which references it had to leave out."""

    manifest: DatabaseManifest
    unreadable: tuple[Unreadable, ...]
    pictures: tuple[Path, ...]
    """The file behind each row."""


def build_database(  # noqa: PLR0913 - options by keyword, each with its default
    source: Path,
    out: Path,
    embedder: Embedder,
    model: ModelManifest,
    *,
    title: Title | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    part_cards: int = PART_CARDS,
    index: Wanted = "auto",
    dtype: Precision = "float16",
    pictures: Path | None = None,
    views: Sequence[Reference] = (),
    second_looks: bool = True,
    embed_all: EmbedAll = embed_references,
) -> BuildReport:
    """Build the database folder ``out`` from a folder of pictures, a card table or a metadata dump.

    An interrupted build goes on where it stopped. A finished database that lies in ``out`` is replaced in
    one step at the very end. References that cannot be read are left out and listed. ``part_cards`` of them
    are embedded between two savings; ``pictures`` is where those of a table lie; ``views`` are further
    pictures of cards that the source names. ``index`` names a kind of index instead of choosing by measuring.
    With ``second_looks`` a small grey picture of each reference is kept, so that candidates can be looked at
    again. Without a title, the database is called like its folder and its version is the day. ``embed_all``
    embeds elsewhere: parts are the same wherever they are made, so a build may go on with another one.

    Raises
    ------
    InputError
        The source cannot be used, no picture in it can be read, or with ``strict`` one cannot.
    ArtifactError
        ``out`` cannot be written, holds something else, or another build is at work in it.
    """
    progress = progress or Progress()
    check_model(embedder, model)
    check_target(out)
    references = with_views(read_source(source, pictures), views)
    title = title or Title(out.resolve().name, f"{datetime.now(UTC):%Y.%m.%d}")
    identity = identity_of(references, model, embedder.info.sha256)
    with work_area(out, identity, part_cards, progress, dtype=dtype) as work:
        embed_all(references, embedder, work, progress)
        kept, unreadable = sift(references, work)
        refuse_unreadable(source, kept, unreadable, strict=strict)
        manifest = assemble(kept, work, embedder, model, title, progress, index, second_looks=second_looks)
        install(work.folder, out, sorted(manifest.files))
    return BuildReport(manifest, tuple(unreadable), tuple(each.path for each in kept))


def check_model(embedder: Embedder, model: ModelManifest) -> None:
    """Raise :class:`Disagreement` when an embedder is not the one of the model's manifest."""
    info = embedder.info
    if (info.space, info.dim) != (model.space, model.dim):
        raise Disagreement(
            f"the embedder gives {info.dim}-d vectors of {info.space}, the model manifest of {model.name} "
            f"{model.version} says {model.dim}-d of {model.space}: they do not belong together"
        )


def check_target(out: Path) -> None:
    """Keep a slip of the pen from replacing a model or from writing over something that is no folder."""
    if out.exists() and not out.is_dir():
        raise ArtifactError(f"{out} is not a folder: choose another place for the database")
    try:
        kind = json.loads((out / MANIFEST).read_text(encoding="utf-8")).get("kind")
    except (OSError, ValueError, AttributeError):
        return
    if kind != "database":
        raise ArtifactError(f"{out} holds a {kind}, not a database: choose another folder")


def sift(references: Sequence[Reference], work: WorkArea) -> tuple[list[Reference], list[Unreadable]]:
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


def refuse_unreadable(
    source: Path, kept: Sequence[Reference], unreadable: Sequence[Unreadable], *, strict: bool
) -> None:
    """Raise :class:`InputError` when no picture can be read or, with ``strict``, one cannot."""
    if kept and not (strict and unreadable):
        return
    listed = [f"  {each.card_id}: {each.reason}" for each in unreadable[:_UNREADABLE_SHOWN]]
    if len(unreadable) > _UNREADABLE_SHOWN:
        listed.append(f"  ... and {len(unreadable) - _UNREADABLE_SHOWN} more")
    what = "not one picture" if not kept else f"only {len(kept)} of {len(kept) + len(unreadable)} pictures"
    raise InputError("\n".join([f"{source}: {what} can be read; nothing was changed", *listed]))
