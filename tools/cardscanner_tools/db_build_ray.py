"""Build a reference database with Ray Data on many machines: `db build` for very large catalogues.

    cardscanner-tools db-build-ray scans/ --out db/mine                           this machine
    cardscanner-tools db-build-ray cards.csv --out db/mine --address head:6379    a cluster

The database is the one that `cardscanner db build` makes: parts are the same wherever they are made, and
either command goes on with what the other left. Pictures, model and this package must lie at the same places
on every machine. Byte for byte the vectors are the same where processors run the network alike.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import ray
import ray.data

from cardscanner.commands.options import add_embedder, embedder_config, path, whole_number
from cardscanner.config import EmbedderConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import CardscannerError, ConfigError, EmbedderFailed
from cardscanner.manifest import load_model_manifest
from cardscanner.match.assemble import Title
from cardscanner.match.build import BuildReport, build_database
from cardscanner.match.card_table import Reference
from cardscanner.match.embedding import embed_part, missing_parts, save_part
from cardscanner.match.progress import Progress
from cardscanner.match.work_area import PART_CARDS, Part, WorkArea
from cardscanner.ports import Embedder

Row = Mapping[str, Any]

_KNOCK_S = 10.0


class PartMaker:
    """What every worker is: an embedder of its own, that takes one part at a time."""

    def __init__(self, config: EmbedderConfig) -> None:
        self._embedder = load_embedder(config)

    def __call__(self, row: Row) -> dict[str, Any]:
        """Embed the references of a part."""
        first = int(row["first"])
        part = embed_part([Path(each) for each in row["paths"]], first, self._embedder)
        return {"first": first, "part": packed(part)}


class RayEmbedding:
    """Embeds all missing parts with a pool of workers; each part is stored when it arrives."""

    def __init__(self, config: EmbedderConfig, address: str | None, workers: int, threads: int) -> None:
        self._config = config
        self._address = address
        self._workers = workers
        self._threads = threads

    def __call__(
        self, references: Sequence[Reference], _embedder: Embedder, work: WorkArea, progress: Progress
    ) -> None:
        """Make every part that is not in the work area yet."""
        missing, todo = missing_parts(references, work, progress)
        if not missing:
            return
        size = work.part_cards
        rows = [
            {"first": start, "paths": [str(each.path) for each in references[start : start + size]]}
            for start in missing
        ]
        with _cluster(self._address), progress.counting(todo, "embedding references") as one_more:
            for row in self._made(rows):
                first = int(row["first"])
                save_part(work, first, unpacked(row["part"]))
                for _ in references[first : first + size]:
                    one_more()

    def _made(self, rows: Sequence[Row]) -> Iterator[Row]:
        parts = ray.data.from_items(list(rows), override_num_blocks=len(rows)).map(
            PartMaker,
            fn_constructor_args=(self._config,),
            num_cpus=self._threads,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(self._workers, len(rows))),
        )
        try:
            yield from parts.iter_rows()
        except ray.exceptions.RayError as error:
            raise _told(error) from error


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Join a cluster, or make one of this machine's cores for as long as it is needed."""
    # Nothing is reported to anybody; whoever wants Ray's statistics sets the variable.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is not None and address != "auto":
        _refuse_unreachable(address)
    try:
        local = {} if address else {"include_dashboard": False}
        ray.init(address=address, configure_logging=False, log_to_driver=False, **local)
    except (ConnectionError, ray.exceptions.RayError) as error:
        raise ConfigError(f"--address {address}: no Ray cluster there: {error}") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    try:
        yield
    finally:
        ray.shutdown()


def _refuse_unreachable(address: str) -> None:
    """Knock first: Ray waits five minutes for a cluster that is not there."""
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_KNOCK_S).close()
    except (OSError, ValueError) as error:
        raise ConfigError(f"--address {address}: no Ray cluster there: {error}") from error


def packed(part: Part) -> bytes:
    """Return a part as bytes: arrays of several shapes travel badly in tables."""
    file = io.BytesIO()
    reasons = json.dumps({str(position): reason for position, reason in part.unreadable.items()})
    np.savez(file, positions=part.positions, vectors=part.vectors, unreadable=np.array(reasons))
    return file.getvalue()


def unpacked(content: bytes) -> Part:
    """Return a part from its bytes."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        reasons = json.loads(str(arrays["unreadable"]))
        return Part(
            arrays["positions"], arrays["vectors"], {int(key): value for key, value in reasons.items()}
        )


def _told(error: BaseException) -> CardscannerError:
    """Return what a worker raised, if it was ours; Ray wraps it, sometimes twice."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, CardscannerError):
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    return EmbedderFailed(
        f"the cluster did not embed all references: {error}; run the same command again, it goes on"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("source", type=path, metavar="SRC", help="folder of pictures, card table or dump")
    parser.add_argument("--out", type=path, required=True, metavar="DIR", help="folder of the database")
    parser.add_argument(
        "--address", metavar="ADDRESS", help="a running cluster, HOST:PORT, or auto (default: this machine)"
    )
    parser.add_argument(
        "--workers", type=whole_number(1, 10_000), metavar="N", help="at most so many (default: all cores)"
    )
    parser.add_argument("--name", help="name of the database (default: the folder's name)")
    parser.add_argument("--version", help="version of the database (default: today)")
    parser.add_argument("--pictures", type=path, metavar="DIR", help="where the pictures of a table lie")
    parser.add_argument("--dtype", choices=["float16", "float32"], default="float16")
    parser.add_argument("--strict", action="store_true", help="fail when a picture cannot be read")
    parser.add_argument(
        "--part", type=whole_number(1, 65_536), default=PART_CARDS, help=argparse.SUPPRESS
    )  # references between two savings; tests want several parts of few pictures
    add_embedder(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build; pictures that could not be read are counted."""
    report = build(arguments)
    manifest = report.manifest
    print(f"{arguments.out}: {manifest.cards} cards of {manifest.artworks} artworks, {manifest.dim}-d")
    for each in report.unreadable:
        print(f"left out: {each.card_id}: {each.reason}")
    return 0


def build(arguments: argparse.Namespace) -> BuildReport:
    """Build with the cluster that the arguments name; calibration and indexes are made on this machine."""
    config = embedder_config(arguments)
    # Workers may have another working folder, and the folder's model and pictures are theirs too.
    config = config.model_copy(update={"model": config.model.resolve()})
    source = arguments.source.resolve()
    pictures = arguments.pictures.resolve() if arguments.pictures else None
    today = f"{datetime.now(UTC):%Y.%m.%d}"
    title = Title(arguments.name or arguments.out.resolve().name, arguments.version or today)
    with closing(load_embedder(config)) as embedder:
        return build_database(
            source,
            arguments.out,
            embedder,
            load_model_manifest(config.model),
            title=title,
            strict=arguments.strict,
            dtype=arguments.dtype,
            pictures=pictures,
            part_cards=arguments.part,
            embed_all=RayEmbedding(
                config, arguments.address, arguments.workers or _everybody(), arguments.threads
            ),
        )


def _everybody() -> int:
    """As many workers as anybody has cores: Ray starts those for which there is room."""
    return 10_000
