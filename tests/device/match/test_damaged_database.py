"""Damage of every kind gives a clear error; never a crash of the interpreter, never an answer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_databases import database_of, random_units

from cardscanner.config import IndexConfig
from cardscanner.errors import ArtifactError, Disagreement
from cardscanner.manifest import ModelManifest, agree, load_database_manifest
from cardscanner.match import load_index, open_database
from cardscanner.match.annoy_index import map_forest, node_bytes
from cardscanner.match.inspection import verify

TESTS = Path(__file__).parents[2]
DATA = ("vectors.npy", "index.ann", "cards.sqlite")
DIM = 64


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return database_of(tmp_path_factory.mktemp("whole") / "db", random_units(120, DIM))


@pytest.fixture
def damaged(whole, tmp_path) -> Path:
    return shutil.copytree(whole, tmp_path / "db")


def _open_all(folder: Path) -> None:
    database = open_database(folder)
    try:
        load_index(IndexConfig(database=folder), database).close()
    finally:
        database.close()


def _flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << (offset % 8)
    path.write_bytes(data)


def test_an_undamaged_copy_opens(damaged):
    _open_all(damaged)
    assert all(check.ok for check in verify(damaged))


@pytest.mark.parametrize("name", DATA)
def test_a_flipped_bit_in_a_data_file_is_an_artifact_error_that_names_the_file(damaged, name):
    size = (damaged / name).stat().st_size
    rng = np.random.default_rng(0)
    for offset in (0, 1, size // 2, size - 1, *rng.integers(0, size, 8).tolist()):
        _flip(damaged / name, offset)
        with pytest.raises(ArtifactError, match=name):
            _open_all(damaged)
        assert not all(check.ok for check in verify(damaged))
        _flip(damaged / name, offset)
    _open_all(damaged)


def test_a_flipped_bit_anywhere_in_the_manifest_is_noticed_or_changes_nothing(damaged):
    path = damaged / "manifest.json"
    truth = load_database_manifest(damaged)
    for offset in range(0, path.stat().st_size, 3):
        _flip(path, offset)
        try:
            found = load_database_manifest(damaged)
        except ArtifactError:
            pass
        else:
            assert found == truth, f"byte {offset} changes the manifest without notice"
        _flip(path, offset)


def test_a_threshold_edited_by_hand_is_noticed(damaged):
    path = damaged / "manifest.json"
    document = json.loads(path.read_text())
    document["accept"]["threshold"] = 0.0
    path.write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="seal"):
        open_database(damaged)


@pytest.mark.parametrize("name", [*DATA, "manifest.json"])
@pytest.mark.parametrize("harm", ["missing", "empty", "short", "long", "a folder", "text"])
def test_files_that_are_missing_or_of_another_length_are_artifact_errors(damaged, name, harm):
    path = damaged / name
    data = path.read_bytes()
    path.unlink()
    if harm == "a folder":
        path.mkdir()
    elif harm != "missing":
        path.write_bytes(
            {"empty": b"", "short": data[:-1], "long": data + b"\0", "text": b"no database"}[harm]
            if not (name == "manifest.json" and harm == "long")
            else data + b"x"
        )
    if name == "manifest.json" and harm == "short":
        path.write_bytes(data[:-2])
    with pytest.raises(ArtifactError, match=name.replace(".", r"\.")):
        _open_all(damaged)
    assert not all(check.ok for check in verify(damaged))


@pytest.mark.parametrize("content", ["[]", "null", "3", '"text"', "[" * 100_000, "{}", '{"kind": "model"}'])
def test_a_manifest_that_is_something_else_is_an_artifact_error(damaged, content):
    (damaged / "manifest.json").write_text(content)
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        open_database(damaged)


def test_a_folder_that_is_not_there_is_an_artifact_error(tmp_path):
    with pytest.raises(ArtifactError, match="missing"):
        open_database(tmp_path / "nowhere")
    assert [check.ok for check in verify(tmp_path / "nowhere")] == [False]


def _harm_truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // node_bytes(DIM) // 2 * node_bytes(DIM))


def _harm_random(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


def _harm_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _harm_tail(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: -10 * node_bytes(DIM)] + np.random.default_rng(1).bytes(10 * node_bytes(DIM)))


def _harm_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _asked_in_a_child(folders: list[Path]) -> list[dict[str, object]]:
    """Ask databases in one process, which must live to tell of all of them."""
    child = subprocess.run(
        [sys.executable, str(TESTS / "opening_child.py"), *map(str, folders)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    return [json.loads(line) for line in child.stdout.splitlines()]


DANGEROUS = (_harm_truncated, _harm_random, _harm_zeros, _harm_tail)


def test_index_files_that_would_crash_annoy_are_refused_before_they_are_mapped(whole, tmp_path):
    folders = []
    for harm in DANGEROUS:
        folders.append(shutil.copytree(whole, tmp_path / harm.__name__))
        harm(folders[-1] / "index.ann")
    folders.append(shutil.copytree(whole, tmp_path / "untouched"))
    answers = _asked_in_a_child(folders)
    assert [each.get("error") for each in answers] == ["ArtifactError"] * len(DANGEROUS) + [None]
    assert answers[-1]["cards"] == ["card-0", "card-119"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory) -> Path:
    """A database that is searched by inverted lists."""
    return database_of(tmp_path_factory.mktemp("listed") / "db", random_units(120, DIM), index="ivf")


def _harm_middle(path: Path) -> None:
    """Spoil the header and the sizes of the lists."""
    data = bytearray(path.read_bytes())
    data[4:600] = np.random.default_rng(2).bytes(596)
    path.write_bytes(data)


def _harm_long(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 2)


def test_index_files_that_would_mislead_faiss_are_refused_before_they_are_mapped(listed, tmp_path):
    harms = (_harm_half, _harm_random, _harm_zeros, _harm_middle, _harm_long)
    folders = []
    for harm in harms:
        folders.append(shutil.copytree(listed, tmp_path / harm.__name__))
        harm(folders[-1] / "index.ivf")
    folders.append(shutil.copytree(listed, tmp_path / "untouched"))
    answers = _asked_in_a_child(folders)
    assert [each.get("error") for each in answers] == ["ArtifactError"] * len(harms) + [None]
    assert all("index.ivf" in each["says"] for each in answers[:-1])
    assert answers[-1]["cards"] == ["card-0", "card-119"]


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(["vectors.npy", "index.ivf", "index.ann"]), data=st.data())
def test_no_change_of_any_bytes_of_an_index_is_mapped(listed, whole, name, data):
    source = whole if name == "index.ann" else listed
    good = (source / name).read_bytes()
    start = data.draw(st.integers(0, len(good) - 1), label="start")
    cut = data.draw(st.integers(0, 64), label="cut")
    put = data.draw(st.binary(max_size=64), label="put")
    spoiled = good[:start] + put + good[start + cut :]
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(source, Path(scratch) / "db")
        (folder / name).write_bytes(spoiled)
        if spoiled == good:
            _open_all(folder)
            return
        with pytest.raises(ArtifactError, match=name):
            _open_all(folder)


def test_an_index_of_another_dimension_is_refused_by_its_size(whole):
    with pytest.raises(ArtifactError, match="multiple of 272"):
        map_forest(whole / "index.ann", 65, 120, 50, 1000)


def test_an_index_with_another_number_of_vectors_is_refused(whole):
    with pytest.raises(ArtifactError, match="120 vectors, the database 119"):
        map_forest(whole / "index.ann", DIM, 119, 50, 1000)


def test_files_of_two_databases_do_not_mix(whole, damaged, tmp_path):
    other = database_of(tmp_path / "other", random_units(120, DIM, seed=5), artworks=[0] * 120)
    for name in DATA:
        shutil.copy(other / name, damaged / name)
        with pytest.raises(ArtifactError, match=name):
            _open_all(damaged)
        shutil.copy(whole / name, damaged / name)


def test_a_database_of_another_model_disagrees_with_ours(whole):
    ours = ModelManifest(
        name="ours",
        version="1",
        space="another",
        dim=DIM,
        files={},
        licence="-",
        created="2026-11-22T00:00:00Z",
    )
    with pytest.raises(Disagreement, match="given"):
        agree(ours, load_database_manifest(whole))


def test_an_open_database_keeps_answering_when_its_files_are_replaced(damaged, whole):
    database = open_database(damaged)
    index = load_index(IndexConfig(backend="annoy", database=damaged), database)
    for name in DATA:
        (damaged / f"{name}.new").write_bytes(b"something else")
        (damaged / f"{name}.new").replace(damaged / name)
    rows, _ = index.nearest(random_units(120, DIM)[7:8], 1)
    assert database.card_of(int(rows[0, 0])).card_id == "card-7"
