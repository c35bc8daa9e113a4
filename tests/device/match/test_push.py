"""Pushing a database: resumed wherever it was killed, complete only when everything was counted."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import models
from qdrant_server import serving
from reference_databases import changed_database_of, database_of, random_units

from cardscanner.config import IndexConfig, QdrantConfig
from cardscanner.errors import ArtifactError, IndexAway
from cardscanner.manifest import load_database_manifest
from cardscanner.match import load_index, open_database
from cardscanner.match.collection_identity import identity_of
from cardscanner.match.progress import Progress
from cardscanner.match.push import push_database

ROWS = 120
VECTORS = random_units(ROWS, 64)


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return database_of(tmp_path_factory.mktemp("given") / "db", VECTORS, index="int8")


def name_of(folder: Path) -> str:
    return identity_of(load_database_manifest(folder)).collection


def opens(folder: Path, place: QdrantConfig) -> bool:
    config = IndexConfig(backend="qdrant", database=folder, qdrant=place)
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        return index.nearest(VECTORS[:1], 1)[0].tolist() == [[0]]


def test_a_push_that_broke_goes_on_with_the_rows_that_lack(folder, server):
    place = QdrantConfig(url=server.url)
    server.points_left = 70
    with pytest.raises(IndexAway):
        push_database(folder, place, Progress(io.StringIO()), batch=32)
    server.points_left = None
    told = io.StringIO()
    assert push_database(folder, place, Progress(told), batch=32).sent == ROWS - 70
    assert "70 of 120 vectors are there already" in told.getvalue()
    assert opens(folder, place)


def test_pushing_again_sends_nothing(folder, server):
    place = QdrantConfig(url=server.url)
    push_database(folder, place, Progress(io.StringIO()))
    assert push_database(folder, place, Progress(io.StringIO())).sent == 0
    assert opens(folder, place)


def test_lost_rows_are_sent_again_and_until_then_the_collection_is_unfinished(folder, server):
    place = QdrantConfig(url=server.url)
    push_database(folder, place, Progress(io.StringIO()))
    server.engine.delete(name_of(folder), models.PointIdsList(points=[3, 90]))
    server.points_left = 1
    with pytest.raises(IndexAway):
        push_database(folder, place, Progress(io.StringIO()))
    with pytest.raises(ArtifactError, match="unfinished"):
        opens(folder, place)
    server.points_left = None
    assert push_database(folder, place, Progress(io.StringIO())).sent == 1
    assert opens(folder, place)


@pytest.mark.parametrize("target", ["server", "folder"])
def test_a_push_that_was_killed_anywhere_is_refused_and_then_finished(folder, server, tmp_path, target):
    place = QdrantConfig(url=server.url) if target == "server" else QdrantConfig(folder=tmp_path / "q")
    child = Path(__file__).parents[2] / "pushing_child.py"
    command = [sys.executable, str(child), str(folder), place.url or str(place.folder), "1"]
    storage = tmp_path / "q" / name_of(folder) / "collection" / name_of(folder) / "storage.sqlite"
    with subprocess.Popen(command) as process:
        until = time.monotonic() + 60
        while not _begun(server, storage) and time.monotonic() < until:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(ArtifactError, match=r"unfinished|does not exist"):
        opens(folder, place)
    done = push_database(folder, place, Progress(io.StringIO()))
    assert done.rows == ROWS
    assert 0 < done.sent < ROWS
    assert opens(folder, place)


def _begun(server, storage: Path) -> bool:
    return sum(call.startswith("PUT") for call in server.calls) > 8 or (
        storage.exists() and storage.stat().st_size > 40_000
    )


def test_a_wrong_vector_that_lies_there_is_found_before_the_collection_is_complete(folder, server):
    place = QdrantConfig(url=server.url)
    server.points_left = 50
    with pytest.raises(IndexAway):
        push_database(folder, place, Progress(io.StringIO()))
    server.points_left = None
    wrong = [models.PointStruct(id=row, vector=VECTORS[99].tolist(), payload={}) for row in range(50)]
    server.engine.upsert(name_of(folder), wrong)
    with pytest.raises(ArtifactError, match="another vector as row"):
        push_database(folder, place, Progress(io.StringIO()))
    with pytest.raises(ArtifactError, match="unfinished"):
        opens(folder, place)


def test_points_beyond_the_rows_are_refused(folder, server):
    place = QdrantConfig(url=server.url)
    push_database(folder, place, Progress(io.StringIO()))
    more = models.PointStruct(id=ROWS + 1, vector=VECTORS[0].tolist(), payload={})
    server.engine.upsert(name_of(folder), [more])
    with pytest.raises(ArtifactError, match="holds row 121"):
        push_database(folder, place, Progress(io.StringIO()))


def test_the_push_waits_for_the_index_of_the_server(folder, server):
    place = QdrantConfig(url=server.url)
    server.status = models.CollectionStatus.YELLOW
    told = _EndOfIndexing(server)
    push_database(folder, place, Progress(told))
    assert "waiting until the server has indexed them" in told.getvalue()
    assert opens(folder, place)


class _EndOfIndexing(io.StringIO):
    """The server is done when the waiting is told."""

    def __init__(self, server) -> None:
        super().__init__()
        self._server = server

    def write(self, text: str) -> int:
        if "waiting" in text:
            self._server.status = models.CollectionStatus.GREEN
        return super().write(text)


def test_cards_that_were_changed_stay_searched_without_a_new_push(server, tmp_path):
    place = QdrantConfig(url=server.url)
    folder = changed_database_of(tmp_path / "db", VECTORS, index="int8")
    base = load_database_manifest(folder).rows
    assert push_database(folder, place, Progress(io.StringIO())).rows == base
    config = IndexConfig(backend="qdrant", database=folder, qdrant=place)
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        rows, cosines = index.nearest(VECTORS[-1:], 1)
        assert database.card_of(int(rows[0, 0])).card_id == f"card-{ROWS - 1}"
    np.testing.assert_allclose(cosines, 1, atol=1e-3)
    assert server.engine.retrieve(name_of(folder), [base - 1])[0].payload == {"removed": 1}


def test_a_database_with_a_vector_that_is_not_finite_is_not_pushed(server, tmp_path):
    folder = database_of(tmp_path / "db", VECTORS, index="int8")
    vectors = np.load(folder / "vectors.npy")
    vectors[3, 3] = np.nan
    np.save(folder / "vectors.npy", vectors)
    with pytest.raises(ArtifactError, match=r"vectors\.npy"):
        push_database(folder, QdrantConfig(url=server.url), Progress(io.StringIO()))
    assert not server.calls


def test_a_folder_that_cannot_be_written_is_named(folder, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(ArtifactError, match=os.fspath(blocked)):
        push_database(folder, QdrantConfig(folder=blocked), Progress(io.StringIO()))
