"""Opening what sees cards: model, database, index, checked to belong together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import cv2

from cardscanner.config import EmbedderConfig, FinderConfig, IndexConfig
from cardscanner.detect import open_finder
from cardscanner.embed import load_embedder
from cardscanner.manifest import ModelManifest, agree, load_model_manifest
from cardscanner.match import Database, load_index, open_database
from cardscanner.pipeline import Eye
from cardscanner.ports import Embedder, Index


@dataclass(slots=True, eq=False)
class Rooms:
    """Everything that one thread needs to see cards; that thread owns it."""

    eye: Eye
    embedder: Embedder
    database: Database
    model: ModelManifest
    index: Index
    candidates: int

    def turn_to(self, database: Database, index: Index) -> None:
        """Go on with another version of the database; the old one is closed."""
        self.eye.turn_to(index, max(database.depth, self.candidates))
        self.close()
        self.database, self.index = database, index

    def close(self) -> None:
        """Close index and database."""
        self.index.close()
        self.database.close()


@contextmanager
def open_rooms(
    finder: FinderConfig, embedder: EmbedderConfig, index: IndexConfig, candidates: int = 1
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
    with ExitStack() as stack:
        database = open_database(index.database)
        stack.callback(database.close)
        agree(model, database.manifest)
        outlines = open_finder(finder)
        search = load_index(index, database)
        stack.callback(search.close)
        network = stack.enter_context(closing(load_embedder(embedder)))
        eye = Eye(outlines, finder, network, search, max(database.depth, candidates))
        with closing(Rooms(eye, network, database, model, search, candidates)) as rooms:
            yield rooms
