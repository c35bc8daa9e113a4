"""Opening what sees cards: model, database, index, checked to belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import cv2

from cardscanner.accept import best_prints, judge_checked, judge_prints
from cardscanner.config import EmbedderConfig, FinderConfig, IndexConfig, VerifyConfig
from cardscanner.detect import open_finder
from cardscanner.embed import load_embedder
from cardscanner.errors import ArtifactError
from cardscanner.manifest import AcceptRule, ModelManifest, agree, load_model_manifest
from cardscanner.match import Database, load_index, open_database
from cardscanner.pipeline import Eye
from cardscanner.ports import Embedder, Index, SecondLook
from cardscanner.records import Picture, Sighting, Verdict
from cardscanner.verify.reading import ReadingVerifier, TextReader
from cardscanner.verify.verifier import Verifier


@dataclass(slots=True, eq=False)
class Rooms:
    """Everything that one thread needs to see cards; that thread owns it."""

    eye: Eye
    embedder: Embedder
    database: Database
    model: ModelManifest
    index: Index
    candidates: int
    verify: VerifyConfig
    reader: TextReader | None = None
    """Reads collector numbers; ``None``: the configuration wants none read."""
    _verifier: Verifier | ReadingVerifier | None = field(init=False)

    def __post_init__(self) -> None:
        self._verifier = self._opened_verifier()

    def _opened_verifier(self) -> Verifier | ReadingVerifier | None:
        pictures = self.database.pictures
        if not self.verify.enabled or pictures is None or self.rule.verify is None:
            return None
        verifier = Verifier(pictures)
        return verifier if self.reader is None else ReadingVerifier(verifier, self.reader, self.rule)

    @property
    def rule(self) -> AcceptRule:
        """The database's accept rule with the configuration's overrides for second looks."""
        return checked_rule(self.database, self.verify)

    @property
    def look(self) -> SecondLook | None:
        """Compares candidates with a picture; ``None``: configuration or database let vectors decide."""
        return None if self._verifier is None else self._verifier.checked

    def judged(self, picture: Picture, sighting: Sighting, top: int) -> Verdict:
        """Say what one sighting of a still picture is; its best candidates are looked at again."""
        prints = best_prints(sighting.neighbours, self.database.card_of)
        if self._verifier is None:
            return judge_prints(prints, self.rule, top)
        looked_at = self._verifier.checked(picture, sighting.quad.corners, prints)
        return judge_checked(looked_at, self.rule, top)

    def turn_to(self, database: Database, index: Index) -> None:
        """Go on with another version of the database; the old one is closed."""
        self.eye.turn_to(index, max(database.depth, self.candidates))
        self.close()
        self.database, self.index = database, index
        self._verifier = self._opened_verifier()

    def close(self) -> None:
        """Close index and database."""
        self.index.close()
        self.database.close()


@contextmanager
def open_rooms(
    finder: FinderConfig,
    embedder: EmbedderConfig,
    index: IndexConfig,
    candidates: int = 1,
    verify: VerifyConfig | None = None,
    load: Callable[[EmbedderConfig], Embedder] = load_embedder,
) -> Iterator[Rooms]:
    """Open model, database and index; close them in reverse.

    ``candidates`` is how many cards an answer may list, which can be more than the accept rule compares.
    The manifests are compared first, because loading takes seconds and comparing takes none.

    Raises
    ------
    ArtifactError, Disagreement, IndexFault, EmbedderDead
        What is wrong with which file or device, and what to do.
    """
    # One frame is too little work to share: OpenCV's threads would only spin, and the cores have other work.
    cv2.setNumThreads(1)
    model = load_model_manifest(embedder.model)
    looks = verify or VerifyConfig()
    with ExitStack() as stack:
        reader = _opened_reader(looks)
        if reader is not None:
            stack.callback(reader.close)
        database = open_database(index.database)
        stack.callback(database.close)
        agree(model, database.manifest)
        if reader is not None:
            _can_be_read(database)
        outlines = open_finder(finder)
        search = load_index(index, database)
        stack.callback(search.close)
        network = stack.enter_context(closing(load(embedder)))
        eye = Eye(outlines, finder, network, search, max(database.depth, candidates))
        with closing(Rooms(eye, network, database, model, search, candidates, looks, reader)) as rooms:
            yield rooms


def checked_rule(database: Database, verify: VerifyConfig) -> AcceptRule:
    """Return the database's accept rule with the configuration's overrides for second looks."""
    rule = database.manifest.accept
    if rule.verify is None:
        return rule
    given = {"threshold": verify.threshold, "print_lead": verify.print_lead}
    wanted = {key: value for key, value in given.items() if value is not None}
    return rule.model_copy(update={"verify": rule.verify.model_copy(update=wanted)})


def _opened_reader(verify: VerifyConfig) -> TextReader | None:
    match verify.read_number:
        case "never":
            return None
        case "tesseract":
            from cardscanner.verify.tesseract import open_tesseract

            return open_tesseract()


def _can_be_read(database: Database) -> None:
    if database.pictures is None or database.manifest.accept.verify is None:
        raise ArtifactError(
            f"{database.folder}: collector numbers are read in a second look, for which this database has no "
            "pictures: build it again, or set verify.read_number to never (scan: without --read-number)"
        )
