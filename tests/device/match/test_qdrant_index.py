"""Searching a Qdrant collection: what is not the database's own vectors is a fault and never an answer."""

from __future__ import annotations

import inspect
import io
import json
import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import models
from qdrant_client.common import client_exceptions
from qdrant_client.http import exceptions
from qdrant_server import serving
from reference_databases import database_of, random_units

from cardscanner.config import IndexConfig, QdrantConfig
from cardscanner.errors import (
    ArtifactError,
    CardscannerError,
    ConfigError,
    Disagreement,
    IndexAway,
    IndexFault,
)
from cardscanner.manifest import load_database_manifest, sealed_document
from cardscanner.match import load_index, open_database
from cardscanner.match.collection_identity import identity_of
from cardscanner.match.progress import Progress
from cardscanner.match.push import push_database
from cardscanner.match.qdrant import _told

ROWS, DIM = 60, 64
LEAKS = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""The vendor's client forgets to close its files when it cannot open a folder."""

VECTORS = random_units(ROWS, DIM)


@pytest.fixture
def server():
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return database_of(tmp_path_factory.mktemp("given") / "db", VECTORS, index="int8")


def push(folder: Path, place: QdrantConfig):
    return push_database(folder, place, Progress(io.StringIO()))


def at(server, **settings) -> QdrantConfig:
    return QdrantConfig(url=server.url, **settings)


def name_of(folder: Path) -> str:
    return identity_of(load_database_manifest(folder)).collection


def ask(folder: Path, place: QdrantConfig, k: int = 3):
    config = IndexConfig(backend="qdrant", database=folder, qdrant=place)
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        return index.nearest(VECTORS[:2], k)


def relabelled(folder: Path, out: Path, **changes) -> Path:
    """Return a copy of a database whose manifest says something else."""
    shutil.copytree(folder, out)
    manifest = load_database_manifest(folder).model_copy(update=changes)
    (out / "manifest.json").write_text(json.dumps(sealed_document(manifest)))
    return out


def test_an_embedded_collection_answers_after_the_process_that_pushed_has_gone(folder, tmp_path):
    place = QdrantConfig(folder=tmp_path / "q")
    assert push(folder, place).sent == ROWS
    rows, cosines = ask(folder, place)
    assert rows[:, 0].tolist() == [0, 1]
    np.testing.assert_allclose(cosines[:, 0], 1, atol=1e-4)


def test_the_effort_of_a_search_reaches_the_server_and_codes_are_compared_again(folder, server):
    push(folder, at(server))
    config = IndexConfig(backend="qdrant", database=folder, qdrant=at(server, ef=400))
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        index.nearest(VECTORS[:1], 3, 0.25)
    asked = server.searches[-1]
    assert asked.params.hnsw_ef == 100
    assert asked.params.quantization.rescore
    assert asked.limit == 3 + 16


def test_the_server_is_told_to_keep_codes_in_memory_and_vectors_on_disk(folder, server):
    push(folder, at(server))
    found = server.engine.get_collection(name_of(folder)).config
    assert found.params.vectors.distance == models.Distance.COSINE
    assert server.engine.retrieve(name_of(folder), [5])[0].payload == {
        "card_id": "card-5",
        "name": "Card 5",
        "artwork": 5,
    }


def test_a_server_that_is_away_is_an_error_and_no_missing_match(folder):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(IndexAway, match="does not answer"):
        ask(folder, QdrantConfig(url=f"http://127.0.0.1:{port}"))


def test_a_search_that_takes_too_long_is_an_error_and_the_next_one_is_answered(folder, server):
    push(folder, at(server))
    config = IndexConfig(backend="qdrant", database=folder, qdrant=at(server, timeout_s=1))
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        server.delay_s = 1.5
        with pytest.raises(IndexAway, match="timed out"):
            index.nearest(VECTORS[:1], 1)
        server.delay_s = 0.0
        assert index.nearest(VECTORS[:1], 1)[0].tolist() == [[0]]


@pytest.mark.parametrize(
    ("status", "error"),
    [(500, IndexAway), (503, IndexAway), (429, IndexAway), (400, IndexFault), (401, ConfigError)],
)
def test_every_refusal_of_the_server_is_one_of_our_errors(folder, server, status, error):
    push(folder, at(server))
    config = IndexConfig(backend="qdrant", database=folder, qdrant=at(server))
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        server.fail_with = status
        with pytest.raises(error, match="Qdrant collection"):
            index.nearest(VECTORS[:1], 1)


def test_no_error_of_the_vendor_comes_through_as_it_is():
    vendors = [
        kind
        for module in (exceptions, client_exceptions)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception)
    ]
    assert len(vendors) >= 5
    for kind in vendors:
        error = kind.__new__(kind)
        for field in ("content", "reason_phrase", "source", "message"):
            setattr(error, field, b"" if field == "content" else ValueError("why"))
        error.status_code = 418
        with pytest.raises(CardscannerError), _told("here"):
            raise error


def test_a_collection_that_was_never_pushed_is_named(folder, server, tmp_path):
    for place in (at(server), QdrantConfig(folder=tmp_path / "q")):
        with pytest.raises(ArtifactError, match="does not exist: push the database"):
            ask(folder, place)
    assert not (tmp_path / "q").exists()


def test_a_half_pushed_collection_is_refused(folder, server):
    server.points_left = 40
    with pytest.raises(IndexAway):
        push(folder, at(server))
    assert server.engine.count(name_of(folder)).count == 40
    with pytest.raises(ArtifactError, match="unfinished"):
        ask(folder, at(server))


def test_a_collection_that_lost_rows_is_refused(folder, server):
    push(folder, at(server))
    server.engine.delete(name_of(folder), models.PointIdsList(points=[3]))
    with pytest.raises(ArtifactError, match=f"holds {ROWS - 1} of {ROWS} vectors"):
        ask(folder, at(server))


def test_another_version_of_the_database_is_refused(folder, server, tmp_path):
    push(folder, at(server, collection="cards"))
    other = database_of(tmp_path / "db", random_units(ROWS, DIM, seed=5), index="int8")
    with pytest.raises(ArtifactError, match="not the 60 of given 1"):
        ask(other, at(server, collection="cards"))
    with pytest.raises(ArtifactError, match="a collection of its own"):
        push(other, at(server, collection="cards"))


def test_another_embedding_space_is_a_disagreement(folder, server, tmp_path):
    push(folder, at(server, collection="cards"))
    other = relabelled(folder, tmp_path / "db", space="elsewhere")
    with pytest.raises(Disagreement, match="vectors of given"):
        ask(other, at(server, collection="cards"))


def test_another_dimension_is_a_disagreement(folder, server, tmp_path):
    push(folder, at(server, collection="cards"))
    other = database_of(tmp_path / "db", random_units(ROWS, 32), index="int8")
    with pytest.raises(Disagreement, match=r"\(64-d\).*\(32-d\)"):
        ask(other, at(server, collection="cards"))


def test_a_collection_of_somebody_else_is_left_alone(folder, server):
    server.engine.create_collection(
        "cards", vectors_config=models.VectorParams(size=DIM, distance=models.Distance.COSINE)
    )
    for act in (ask, push):
        with pytest.raises(ArtifactError, match="was not made by this version"):
            act(folder, at(server, collection="cards"))
    assert server.engine.count("cards").count == 0


def test_a_vector_that_was_changed_under_a_search_is_a_fault_and_no_answer(folder, server):
    push(folder, at(server))
    config = IndexConfig(backend="qdrant", database=folder, qdrant=at(server))
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        other = models.PointStruct(id=7, vector=VECTORS[0].tolist(), payload={})
        server.engine.upsert(name_of(folder), [other])
        with pytest.raises(IndexFault, match="another vector as row 7"):
            index.nearest(VECTORS[:1], 3)


def test_points_that_are_no_rows_are_a_fault(folder, server):
    push(folder, at(server))
    config = IndexConfig(backend="qdrant", database=folder, qdrant=at(server))
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        for number, strange in enumerate((ROWS + 5, "6ba7b810-9dad-11d1-80b4-00c04fd430c8")):
            point = models.PointStruct(id=strange, vector=VECTORS[number].tolist(), payload={})
            server.engine.upsert(name_of(folder), [point])
            with pytest.raises((IndexFault, ArtifactError), match=r"strange|no row"):
                index.nearest(VECTORS[number : number + 1], 3)


def test_a_collection_that_shrinks_under_a_search_gives_no_short_answer(folder, server):
    push(folder, at(server))
    config = IndexConfig(backend="qdrant", database=folder, qdrant=at(server))
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        server.engine.delete(name_of(folder), models.PointIdsList(points=list(range(50))))
        with pytest.raises(IndexFault, match="gave 10 of 30"):
            index.nearest(VECTORS[:1], 30)
        server.engine.delete_collection(name_of(folder))
        with pytest.raises(ArtifactError, match="does not exist"):
            index.nearest(VECTORS[:1], 3)


def test_an_old_server_is_refused(folder):
    with (
        serving(version="1.9.2") as server,
        pytest.raises(ConfigError, match=r"Qdrant 1\.9\.2; 1\.16 or newer"),
    ):
        ask(folder, at(server))


def test_a_server_with_a_key_wants_the_key(folder, tmp_path):
    key = tmp_path / "key"
    key.write_text("secret\n")
    with serving(api_key="secret") as server:
        with pytest.raises(ConfigError, match="refuses the API key"):
            push(folder, at(server))
        push(folder, at(server, api_key_file=key))
        assert ask(folder, at(server, api_key_file=key))[0][:, 0].tolist() == [0, 1]


def test_a_key_file_that_cannot_be_read_is_named(folder, server, tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.key cannot be read"):
        ask(folder, at(server, api_key_file=tmp_path / "missing.key"))


@LEAKS
def test_an_embedded_collection_in_use_is_refused_and_another_version_beside_it_is_not(folder, tmp_path):
    place = QdrantConfig(folder=tmp_path / "q")
    push(folder, place)
    other = database_of(tmp_path / "db", random_units(ROWS, DIM, seed=5), index="int8")
    config = IndexConfig(backend="qdrant", database=folder, qdrant=place)
    with closing(open_database(folder)) as database, closing(load_index(config, database)):
        with pytest.raises(ArtifactError, match="close the process that has it open"):
            ask(folder, place)
        push(other, place)
        assert ask(other, place)[0].shape == (2, 3)


@LEAKS
@pytest.mark.parametrize("damage", ["meta", "storage", "point"])
def test_a_damaged_embedded_collection_is_refused(folder, tmp_path, damage):
    place = QdrantConfig(folder=tmp_path / "q")
    push(folder, place)
    home = tmp_path / "q" / name_of(folder)
    storage = home / "collection" / name_of(folder) / "storage.sqlite"
    if damage == "meta":
        (home / "meta.json").write_text('{"collections": {')
    elif damage == "storage":
        os.truncate(storage, storage.stat().st_size // 2)
    else:
        with closing(sqlite3.connect(storage)) as file, file:
            file.execute("UPDATE points SET point = x'8004' WHERE rowid = 5")
    with pytest.raises(ArtifactError, match="Qdrant collection in"):
        ask(folder, place)
