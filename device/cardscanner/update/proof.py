"""Proving a release: known pictures must be recognised by the model and the database that will work together.

Always on the CPU, in the ONNX form of the model: the accelerator belongs to the scanner that is running.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cardscanner.config import IndexConfig, OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import CardscannerError, Disagreement, UpdateRefused
from cardscanner.manifest import agree, load_model_manifest
from cardscanner.match import Database, load_index, open_database
from cardscanner.match.embedding import embed_crops
from cardscanner.pictures import read_picture
from cardscanner.ports import Embedder, Index
from cardscanner.recent import read_recent
from cardscanner.records import Picture
from cardscanner.rectify import rectify, whole_picture_corners
from cardscanner.update.release import SelfTest

MOST_RECENT = 48
FEWEST_RECENT = 8
"""Fewer matches of the box's own say too little."""
_THREADS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A picture of a card, and which card it is."""

    crop: Picture
    card_id: str


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some pictures were recognised."""

    right: int
    of: int

    @property
    def rate(self) -> float:
        """0 to 1."""
        return self.right / self.of if self.of else 1.0


@dataclass(frozen=True, slots=True)
class Pair:
    """What would work together."""

    model: Path
    database: Path


def prove(pair: Pair, test: SelfTest, release: Path, index: IndexConfig) -> Share:
    """Open both as the scanner will, and recognise the pictures of the release.

    Raises
    ------
    UpdateRefused
        ``self_test``: fewer than the signed floor are recognised, or a part does not work at all;
        ``does_not_fit``: model and database have different spaces.
    """
    share = recognised(pair, test, {name: release / name for name in test.probes}, index)
    if share.of == 0:
        raise UpdateRefused(
            "self_test",
            f"self-test: {pair.database} has no pictures, and the release brings none to try it with",
        )
    if share.rate < test.floor:
        raise UpdateRefused(
            "self_test",
            f"self-test below its floor: {share.right} of {share.of} known pictures were recognised "
            f"({share.rate:.0%}), at least {test.floor:.0%} are needed",
        )
    return share


def recognised(pair: Pair, test: SelfTest, files: Mapping[str, Path], index: IndexConfig) -> Share:
    """Count how many known pictures are recognised; ``files``: where probes lie. Raises as :func:`prove`."""
    with _open_pair(pair, index) as bench:
        return bench.recognised([*own_pictures(bench, test.pictures), *probes(bench, test, files)])


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Matches that count: of the version before, from before the trial; what is on trial proves nothing."""

    folder: Path
    database: str
    """Version that made them; a version that was taken back is none to go by either."""
    until_s: float
    """Since the epoch."""

    def count(self, scan: Path, database: str) -> bool:
        """Whether one of them does."""
        return database == self.database and scan.stat().st_mtime < self.until_s


def prove_in_use(pair: Pair, test: SelfTest, index: IndexConfig, witnesses: Witnesses | None) -> Share:
    """Recognise the box's own recent matches again.

    Raises
    ------
    UpdateRefused
        ``self_test``: too many of them are another card now.
    """
    with _open_pair(pair, index) as bench:
        share = bench.recognised([] if witnesses is None else list(recent_matches(bench, witnesses)))
    if share.of >= FEWEST_RECENT and share.rate < test.agreement_floor:
        raise UpdateRefused(
            "self_test",
            f"self-test in use below its floor: {share.right} of the {share.of} newest matches of this box "
            f"are matched as before ({share.rate:.0%}), at least {test.agreement_floor:.0%} are needed",
        )
    return share


class Bench:
    """A model, a database and its index, open."""

    def __init__(self, embedder: Embedder, database: Database, index: Index) -> None:
        self._embedder = embedder
        self.database = database
        self._index = index

    def crop(self, picture: Picture) -> Picture:
        """Return what the network sees of a whole card."""
        info = self._embedder.info
        return rectify(picture, whole_picture_corners(picture), info.height, info.width)

    def recognised(self, known: Sequence[Known]) -> Share:
        """Count pictures whose nearest card carries the right artwork: its prints look alike in vectors."""
        if not known:
            return Share(0, 0)
        rows, _ = self._index.nearest(embed_crops([each.crop for each in known], self._embedder), 1)
        right = sum(
            self._artwork(each.card_id) == self.database.card_of(row).artwork
            for each, row in zip(known, rows[:, 0].tolist(), strict=True)
        )
        return Share(right, len(known))

    def _artwork(self, card_id: str) -> int | None:
        row = self.database.row_of(card_id)
        return None if row is None else self.database.card_of(row).artwork


@contextmanager
def _open_pair(pair: Pair, index: IndexConfig) -> Iterator[Bench]:
    """Open everything; what cannot be opened is a reason to refuse."""
    try:
        model = load_model_manifest(pair.model)
        if "model.onnx" not in model.files:
            raise UpdateRefused("self_test", f"{pair.model} has no model.onnx, which the self-test needs")  # noqa: TRY301
        with (
            closing(open_database(pair.database)) as database,
            closing(load_index(index.model_copy(update={"database": pair.database}), database)) as search,
            closing(
                load_embedder(OnnxConfig(backend="onnx", model=pair.model, threads=_THREADS))
            ) as embedder,
        ):
            agree(model, database.manifest)
            yield Bench(embedder, database, search)
    except UpdateRefused:
        raise
    except Disagreement as error:
        raise UpdateRefused("does_not_fit", str(error)) from error
    except CardscannerError as error:
        raise UpdateRefused("self_test", f"self-test: {error}") from error


def own_pictures(bench: Bench, count: int) -> Iterator[Known]:
    """Yield small pictures that the database keeps of its references, drawn evenly over its rows."""
    database = bench.database
    if database.pictures is None or count == 0:
        return
    rows = np.flatnonzero(~np.pad(database.removed, (0, len(database.pictures) - len(database.removed))))
    for row in rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)].tolist():
        picture = cv2.cvtColor(database.pictures.full(row), cv2.COLOR_GRAY2RGB)
        yield Known(bench.crop(np.asarray(picture, dtype=np.uint8)), database.card_of(row).card_id)


def probes(bench: Bench, test: SelfTest, files: Mapping[str, Path]) -> Iterator[Known]:
    """Yield the pictures that came with the release."""
    for name, card_id in test.probes.items():
        yield Known(bench.crop(read_picture(files[name])), card_id)


def recent_matches(bench: Bench, witnesses: Witnesses) -> Iterator[Known]:
    """Yield the newest matches of the version before, of cards that are still there."""
    left = MOST_RECENT
    for path in sorted(witnesses.folder.glob("*.scan"), reverse=True):
        scan = read_recent(witnesses.folder, path.stem)
        if left == 0 or scan is None or scan.picture is None or not scan.candidates:
            continue
        if scan.decision != "match" or not witnesses.count(path, scan.database):
            continue
        if bench.database.row_of(scan.candidates[0]) is None:
            continue
        pixels = cv2.imdecode(np.frombuffer(scan.picture, np.uint8), cv2.IMREAD_COLOR)
        if pixels is not None:
            left -= 1
            crop = bench.crop(np.ascontiguousarray(pixels[:, :, ::-1], dtype=np.uint8))
            yield Known(crop, scan.candidates[0])
