"""Which index a database gets, and what a configuration may ask of it."""

import io
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from reference_databases import database_of, random_units

from cardscanner.config import IndexConfig
from cardscanner.errors import ArtifactError, ConfigError, IndexFault
from cardscanner.files import write_json
from cardscanner.manifest import DatabaseManifest, describe_file, load_database_manifest, sealed_document
from cardscanner.match import load_index, meant_backend, open_database
from cardscanner.match.exact import exact_index
from cardscanner.match.index_choice import SLOWEST_MS, build_indexes, chosen
from cardscanner.match.int8_index import Int8Index
from cardscanner.match.ivf_index import IvfIndex
from cardscanner.match.progress import Progress

FAST, SLOW = {"ms": SLOWEST_MS / 2}, {"ms": SLOWEST_MS * 2}


def test_annoy_is_meant_wherever_it_is_fast_enough_even_if_others_are_faster():
    assert chosen({"annoy": FAST, "int8": {"ms": 0.01}}).backend == "annoy"


def test_the_first_that_is_fast_enough_is_meant():
    assert chosen({"annoy": SLOW, "int8": FAST, "ivf": {"ms": 0.01}}).backend == "int8"


def test_when_none_is_fast_enough_the_fastest_is_meant():
    assert chosen({"int8": {"ms": 40}, "ivf": {"ms": 9}}).backend == "ivf"


def test_a_build_measures_and_writes_down_what_it_chose(tmp_path):
    manifest = load_database_manifest(database_of(tmp_path / "db", random_units(300, 64)))
    assert manifest.search.backend == "annoy"
    measured = manifest.search.measured["annoy"]
    assert measured["recall_1"] >= 0.999
    assert 0 < measured["ms"] <= SLOWEST_MS
    assert manifest.backends == ["annoy", "int8"]


@pytest.mark.parametrize(
    ("wanted", "files"), [("annoy", ("index.ann",)), ("int8", ()), ("ivf", ("index.ivf",))]
)
def test_a_wanted_index_is_the_only_one_that_is_built(tmp_path, wanted, files):
    stored = random_units(300, 64).astype(np.float16)
    built = build_indexes(tmp_path, stored, exact_index(stored), wanted, Progress(io.StringIO()))
    assert (built.search.backend, built.files) == (wanted, files)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)


@pytest.mark.parametrize(("wanted", "kind"), [("int8", Int8Index), ("ivf", IvfIndex)])
def test_auto_opens_what_the_database_means(tmp_path, wanted, kind):
    folder = database_of(tmp_path / "db", random_units(300, 64), index=wanted)
    config = IndexConfig(database=folder)
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        assert isinstance(index, kind)
        assert meant_backend(config, database.manifest) == wanted


def test_the_configuration_overrides_the_choice(tmp_path):
    folder = database_of(tmp_path / "db", random_units(300, 64))
    config = IndexConfig(backend="int8", database=folder)
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        assert isinstance(index, Int8Index)


@pytest.mark.parametrize(("built", "asked"), [("annoy", "ivf"), ("int8", "annoy")])
def test_asking_for_an_index_that_was_not_built_says_how_to_get_it(tmp_path, built, asked):
    folder = database_of(tmp_path / "db", random_units(300, 64), index=built)
    with closing(open_database(folder)) as database, pytest.raises(ConfigError, match=f"--index {asked}"):
        load_index(IndexConfig(backend=asked, database=folder), database)


@pytest.mark.parametrize("asked", ["annoy", "ivf"])
def test_an_index_that_fails_its_self_test_is_a_fault_and_no_other_takes_its_place(tmp_path, asked):
    folder = database_of(tmp_path / "db", random_units(300, 64), index=asked)
    with closing(open_database(folder)) as database:
        database.vectors = np.roll(
            database.vectors, 1, axis=0
        )  # no longer those that the index was built from
        with pytest.raises(IndexFault, match=r"index\.backend: exact"):
            load_index(IndexConfig(backend=asked, database=folder), database)


@settings(max_examples=25, deadline=None)
@given(
    row=st.integers(0, 39),
    spoiled=st.sampled_from([0.0, 0.5, 3.0, float("nan"), float("inf")]),
    backend=st.sampled_from(["annoy", "exact", "int8", "ivf"]),
)
def test_a_stored_vector_that_is_no_unit_vector_is_refused_by_every_index(row, spoiled, backend):
    vectors = random_units(40, 32).astype(np.float16)
    vectors[row] = vectors[row] * 0 + spoiled if not np.isfinite(spoiled) else vectors[row] * spoiled
    with tempfile.TemporaryDirectory() as scratch:
        folder = database_of(Path(scratch) / "db", random_units(40, 32), index=_built_for(backend))
        _replace_vectors(folder, vectors)
        with closing(open_database(folder)) as database, pytest.raises(ArtifactError, match=f"vector {row} "):
            load_index(IndexConfig(backend=backend, database=folder), database)


def _built_for(backend):
    return "annoy" if backend == "exact" else backend


def _replace_vectors(folder, vectors):
    """Put other vectors into a database as a builder with a bug would: sealed, and wrong."""
    np.save(folder / "vectors.npy", vectors)
    manifest = load_database_manifest(folder)
    files = {**manifest.files, "vectors.npy": describe_file(folder / "vectors.npy")}
    write_json(folder / "manifest.json", sealed_document(manifest.model_copy(update={"files": files})))


@pytest.mark.parametrize("backend", ["annoy", "int8", "ivf"])
def test_a_database_of_many_equal_vectors_is_built_and_each_is_found(tmp_path, backend):
    vectors = np.concatenate([np.repeat(random_units(1, 32), 200, axis=0), random_units(100, 32, seed=1)])
    folder = database_of(tmp_path / "db", vectors, index=backend)
    config = IndexConfig(backend=backend, database=folder)
    with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
        rows, cosines = index.nearest(vectors[[0, 250]], 201)
    assert set(rows[0, :200].tolist()) == set(range(200))
    assert rows[1, 0] == 250
    np.testing.assert_allclose(cosines[0, :200], 1.0, atol=1e-3)


def test_a_manifest_that_means_an_index_it_does_not_have_is_refused(tmp_path):
    manifest = load_database_manifest(database_of(tmp_path / "db", random_units(30, 32)))
    document = manifest.model_dump()
    for backend in ("ivf", "faiss"):
        with pytest.raises(ValidationError):
            DatabaseManifest.model_validate(document | {"search": {"backend": backend}})
    with pytest.raises(ValidationError, match="built without"):
        DatabaseManifest.model_validate(document | {"index": None})


def test_a_database_of_before_the_choice_is_searched_by_annoy(tmp_path):
    document = load_database_manifest(database_of(tmp_path / "db", random_units(30, 32))).model_dump()
    del document["search"], document["lists"]
    old = DatabaseManifest.model_validate(document)
    assert (old.search.backend, old.lists) == ("annoy", None)
