"""Putting a new database in the place of an old one."""

from __future__ import annotations

import shutil

import pytest
from reference_databases import database_of, random_units

from cardscanner.errors import ArtifactError
from cardscanner.match import open_database
from cardscanner.match.replacement import install, located, settle

NAMES = ["cards.sqlite", "index.ann", "vectors.npy"]


@pytest.fixture
def two(tmp_path):
    """Give an old database with 10 rows, and a new one with 12 in its work area."""
    old = database_of(tmp_path / "db", random_units(10, 16))
    new = database_of(tmp_path / "db" / ".build", random_units(12, 16, seed=1))
    return old, new


def _rows(folder) -> int:
    return open_database(folder).manifest.rows


def test_the_new_database_takes_the_place_of_the_old_one(two):
    old, new = two
    install(new, old, NAMES)
    assert _rows(old) == 12
    assert not (old / ".previous").exists()


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
def test_old_files_that_were_put_aside_are_still_found(two, moved):
    old, new = two
    (old / ".previous").mkdir()
    for name in NAMES[:moved]:
        (old / name).replace(old / ".previous" / name)
        shutil.copy(new / name, old / name)
    assert _rows(old) == 10


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
def test_a_replacement_cut_short_is_undone(two, moved):
    old, new = two
    (old / ".previous").mkdir()
    for name in NAMES[:moved]:
        (old / name).replace(old / ".previous" / name)
        (new / name).replace(old / name)
    settle(old)
    assert not (old / ".previous").exists()
    assert _rows(old) == 10


def test_a_replacement_that_only_lacked_the_cleaning_is_finished(two):
    old, new = two
    (old / ".previous").mkdir()
    for name in [*NAMES, "manifest.json"]:
        shutil.copy(old / name, old / ".previous" / name)
        shutil.copy(new / name, old / name)
    settle(old)
    assert not (old / ".previous").exists()
    assert _rows(old) == 12


def test_a_damaged_file_that_was_put_aside_does_not_hide_a_sound_one(two):
    old, _ = two
    (old / ".previous").mkdir()
    (old / ".previous" / "vectors.npy").write_bytes(b"damaged")
    assert located(old, open_database(old).manifest, "vectors.npy") == old / "vectors.npy"


def test_the_error_for_a_damaged_file_names_the_one_in_the_folder(two):
    old, _ = two
    manifest = open_database(old).manifest
    (old / "vectors.npy").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match=r"db/vectors\.npy"):
        located(old, manifest, "vectors.npy")
