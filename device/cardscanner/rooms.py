"""Opening what sees cards: model, database, index, checked to belong together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import cv2

from cardscanner.config import EmbedderConfig, FinderConfig, IndexConfig
from cardscanner.detect import open_finder
from cardscanner.embed import load_embedder
from cardscanner.manifest import ModelManifest, agree, load_model_manifest
from cardscanner.match import Database, load_index, open_database
from cardscanner.pipeline import Eye
from cardscanner.ports import Embedder


@dataclass(frozen=True, slots=True, eq=False)
class Rooms:
    """Everything that one thread needs to see cards; that thread owns it."""

    eye: Eye
    embedder: Embedder
    database: Database
    model: ModelManifest


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
    with closing(open_database(index.database)) as database:
        agree(model, database.manifest)
        outlines = open_finder(finder)
        with closing(load_index(index, database)) as search, closing(load_embedder(embedder)) as network:
            eye = Eye(outlines, finder, network, search, max(database.depth, candidates))
            yield Rooms(eye, network, database, model)
