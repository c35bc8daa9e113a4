"""Changing a database: what was added is found at once, what was removed is gone, the rest stays as it was."""

from __future__ import annotations

import io
import shutil
from contextlib import closing

import numpy as np
import pytest
from drawn_cards import write_card, write_cards
from projecting import ProjectingEmbedder, projecting_manifest
from reference_databases import build_quietly

from cardscanner.config import IndexConfig
from cardscanner.errors import ArtifactError, Disagreement, InputError
from cardscanner.manifest import load_database_manifest
from cardscanner.match import load_index, open_database
from cardscanner.match.change import (
    add_cards,
    add_source,
    calibration_is_old,
    merge_is_due,
    remove_cards,
)
from cardscanner.match.embedding import reference_crop
from cardscanner.match.inspection import verify
from cardscanner.match.merge import merge_database
from cardscanner.match.progress import Progress
from cardscanner.match.work_area import writing

DIM = 128
CARDS = 30


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with pictures and their database, which nobody may change: building takes most of a second."""
    folder = tmp_path_factory.mktemp("built")
    build_quietly(write_cards(folder / "cards", CARDS), folder / "db", DIM)
    return folder


@pytest.fixture
def db(built, tmp_path):
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    return tmp_path / "db"


def change(db, source, embedder=None, **options):
    embedder = embedder or ProjectingEmbedder(DIM)
    options.setdefault("progress", Progress(io.StringIO()))
    return add_cards(db, add_source(db, source), embedder, projecting_manifest(embedder), **options)


def merge(db):
    return merge_database(db, Progress(io.StringIO()))


def nearest(db, picture, backend="annoy", k=1):
    """Ids of the cards nearest to a picture."""
    embedder = ProjectingEmbedder(DIM)
    with closing(open_database(db)) as database:
        index = load_index(IndexConfig(backend=backend, database=db), database)
        rows, cosines = index.nearest(embedder.embed(reference_crop(picture, embedder.info)[None]), k)
        index.close()
        return [database.card_of(row).card_id for row in rows[0].tolist()], cosines[0]


def sound(db):
    return [each.detail for each in verify(db) if not each.ok] == []


@pytest.mark.parametrize("backend", ["annoy", "exact"])
@pytest.mark.parametrize("merged", [False, True])
def test_a_card_that_was_added_is_found(db, tmp_path, backend, merged):
    new = write_cards(tmp_path / "new", 2, first=50)
    report = change(db, new)
    if merged:
        merge(db)
    assert report.changed == ("card-050", "card-051")
    ids, cosines = nearest(db, new / "card-051.png", backend)
    assert ids == ["card-051"]
    assert cosines[0] > 0.999
    assert nearest(db, tmp_path / "cards" / "card-007.png", backend)[0] == ["card-007"]
    assert load_database_manifest(db).cards == CARDS + 2
    assert sound(db)


@pytest.mark.parametrize("merged", [False, True])
def test_a_card_that_was_removed_is_found_no_more(db, tmp_path, merged):
    remove_cards(db, ["card-007", "card-000"])
    if merged:
        merge(db)
    ids, _ = nearest(db, tmp_path / "cards" / "card-007.png", k=CARDS)
    assert len(ids) == CARDS - 2
    assert not {"card-007", "card-000"} & set(ids)
    with closing(open_database(db)) as database:
        assert database.row_of("card-007") is None
        assert len(database.rows_of("card-000")) == 0
    assert load_database_manifest(db).cards == CARDS - 2
    assert sound(db)


def test_a_replaced_card_has_its_new_picture_and_name_and_not_the_old_one(db, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_card(other / "a.png", 70)
    (other / "cards.csv").write_text("card_id,file,name\ncard-007,a.png,New Name\n")
    change(db, other / "cards.csv", replacing_cards=True)
    assert nearest(db, other / "a.png")[0] == ["card-007"]
    _, cosines = nearest(db, tmp_path / "cards" / "card-007.png")
    assert cosines[0] < 0.99
    with closing(open_database(db)) as database:
        assert database.card_of(database.row_of("card-007")).name == "New Name"
    assert load_database_manifest(db).cards == CARDS
    assert sound(db)


def test_changes_add_up_and_cancel_out(db, tmp_path):
    change(db, write_cards(tmp_path / "new", 3, first=50))
    remove_cards(db, ["card-051", "card-003"])
    change(db, write_cards(tmp_path / "newer", 1, first=60))
    with closing(open_database(db)) as database:
        ids = {each.card.card_id for each in database.stored_cards()}
    assert ids == ({f"card-{n:03d}" for n in [*range(CARDS), 50, 52, 60]} - {"card-003"})
    manifest = load_database_manifest(db)
    assert (manifest.delta.rows, manifest.delta.removed, manifest.cards) == (3, 1, CARDS + 2)
    assert nearest(db, tmp_path / "new" / "card-052.png")[0] == ["card-052"]
    assert sound(db)


def test_taking_back_the_only_change_leaves_no_delta(db, tmp_path):
    before = load_database_manifest(db)
    change(db, write_cards(tmp_path / "new", 1, first=50))
    after = remove_cards(db, ["card-050"]).manifest
    assert after.delta is None
    assert (after.sha256, after.cards, after.artworks) == (before.sha256, before.cards, before.artworks)
    assert sorted(each.name for each in db.iterdir()) == [
        "cards.sqlite", "index.ann", "manifest.json", "vectors.npy",
    ]  # fmt: skip
    assert sound(db)


def test_every_change_has_a_version_and_an_identity_of_its_own(db, tmp_path):
    first = load_database_manifest(db)
    second = change(db, write_cards(tmp_path / "new", 1, first=50)).manifest
    third = remove_cards(db, ["card-001"]).manifest
    assert [each.version for each in (second, third)] == [f"{first.version}+1", f"{first.version}+2"]
    assert len({each.sha256 for each in (first, second, third, merge(db))}) == 4


def test_the_files_of_the_base_are_not_touched_by_a_change(db, tmp_path):
    before = {name: (db / name).stat().st_mtime_ns for name in ("vectors.npy", "index.ann", "cards.sqlite")}
    change(db, write_cards(tmp_path / "new", 1, first=50))
    remove_cards(db, ["card-002"])
    assert {name: (db / name).stat().st_mtime_ns for name in before} == before


def test_merging_gives_the_vectors_of_a_build_with_the_same_cards(db, tmp_path):
    change(db, write_cards(tmp_path / "new", 2, first=50))
    remove_cards(db, ["card-005"])
    merge(db)
    same = write_cards(tmp_path / "same", CARDS)
    (same / "card-005.png").unlink()
    write_cards(same, 2, first=50)
    build_quietly(same, tmp_path / "built", DIM)
    for name in ("vectors.npy", "index.ann", "cards.sqlite"):
        assert (db / name).read_bytes() == (tmp_path / "built" / name).read_bytes()


def test_merging_a_database_without_changes_changes_nothing(db):
    before = (db / "manifest.json").read_bytes()
    merge(db)
    assert (db / "manifest.json").read_bytes() == before


def test_a_new_build_forgets_the_changes(db, tmp_path):
    change(db, write_cards(tmp_path / "new", 1, first=50))
    build_quietly(tmp_path / "cards", db, DIM)
    assert load_database_manifest(db).delta is None
    assert not list(db.glob("delta-*"))
    assert sound(db)


def test_an_added_card_joins_the_artwork_of_its_label_or_of_its_twin(tmp_path):
    folder = write_cards(tmp_path, 5)
    rows = ["card_id,file,art_group", "a,card-000.png,g", *(f"x{n},card-00{n}.png," for n in range(1, 5))]
    (folder / "old.csv").write_text("\n".join(rows) + "\n")
    build_quietly(folder / "old.csv", tmp_path / "db", DIM)
    write_card(tmp_path / "other.png", 80)
    write_card(tmp_path / "twin.png", 2, print_number=1)
    write_card(tmp_path / "fresh.png", 81)
    lines = ["card_id,file,art_group", "b,other.png,g", "c,twin.png,", "d,fresh.png,h", "e,fresh.png,h"]
    (folder / "new.csv").write_text("\n".join(lines) + "\n")
    manifest = change(tmp_path / "db", folder / "new.csv").manifest
    with closing(open_database(tmp_path / "db")) as database:
        artwork = {each.card.card_id: each.card.artwork for each in database.stored_cards()}
    assert artwork["b"] == artwork["a"]
    assert artwork["c"] == artwork["x2"]
    assert artwork["d"] == artwork["e"]
    assert len(set(artwork.values())) == manifest.artworks == 6
    merge(tmp_path / "db")
    assert sound(tmp_path / "db")


def test_a_card_that_is_there_is_not_added_and_one_that_is_not_there_is_not_replaced_or_removed(db, tmp_path):
    before = (db / "manifest.json").read_bytes()
    source = write_cards(tmp_path / "new", 2, first=CARDS - 1)
    with pytest.raises(InputError, match="card card-029 is there already; replace it"):
        change(db, source)
    with pytest.raises(InputError, match="no card card-030; add it"):
        change(db, source, replacing_cards=True)
    with pytest.raises(InputError, match="no card nobody"):
        remove_cards(db, ["card-001", "nobody"])
    with pytest.raises(InputError, match="no card would be left"):
        remove_cards(db, [f"card-{n:03d}" for n in range(CARDS)])
    assert (db / "manifest.json").read_bytes() == before
    assert not list(db.glob("delta-*"))


def test_a_model_of_another_space_does_not_get_into_the_database(db, tmp_path):
    with pytest.raises(Disagreement, match="build the database with this model"):
        change(db, write_cards(tmp_path / "new", 1, first=50), ProjectingEmbedder(DIM, space="another"))


def test_pictures_that_cannot_be_read_are_listed_or_with_strict_refused(db, tmp_path):
    source = write_cards(tmp_path / "new", 2, first=50)
    (source / "card-050.png").write_bytes(b"")
    with pytest.raises(InputError, match="only 1 of 2"):
        change(db, source, strict=True)
    report = change(db, source)
    assert [each.card_id for each in report.unreadable] == ["card-050"]
    assert report.changed == ("card-051",)


def test_two_writers_do_not_meet(db, tmp_path):
    with writing(db), pytest.raises(ArtifactError, match="another build or change"):
        remove_cards(db, ["card-001"])
    with writing(db), pytest.raises(ArtifactError, match="another build or change"):
        merge(db)


def test_an_open_database_goes_on_with_what_it_had(db, tmp_path):
    with closing(open_database(db)) as database:
        index = load_index(IndexConfig(backend="annoy", database=db), database)
        change(db, write_cards(tmp_path / "new", 4, first=50))
        remove_cards(db, ["card-003"])
        merge(db)
        embedder = ProjectingEmbedder(DIM)
        crop = reference_crop(tmp_path / "cards" / "card-003.png", embedder.info)
        rows, _ = index.nearest(embedder.embed(crop[None]), 1)
        assert database.card_of(int(rows[0, 0])).card_id == "card-003"
        index.close()


def test_a_twentieth_is_worth_a_new_base_and_a_fifth_a_new_calibration(db, tmp_path):
    one = change(db, write_cards(tmp_path / "one", 1, first=50)).manifest
    two = change(db, write_cards(tmp_path / "two", 1, first=60)).manifest
    assert (merge_is_due(one), merge_is_due(two)) == (False, True)
    assert not calibration_is_old(two)
    many = change(db, write_cards(tmp_path / "many", 6, first=70)).manifest
    assert calibration_is_old(many)
    assert not merge_is_due(merge(db))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_changes_are_kept_as_precisely_as_the_base(tmp_path, dtype):
    build_quietly(write_cards(tmp_path / "cards", 6), tmp_path / "db", DIM, dtype=dtype)
    change(tmp_path / "db", write_cards(tmp_path / "new", 2, first=50))
    with closing(open_database(tmp_path / "db")) as database:
        assert database.vectors.dtype == database.added.dtype == np.dtype(dtype)
    merge(tmp_path / "db")
    assert load_database_manifest(tmp_path / "db").dtype == dtype
    assert sound(tmp_path / "db")


def test_several_views_of_a_card_are_added_removed_and_merged_together(db, tmp_path):
    source = write_cards(tmp_path / "new", 1, first=50)
    write_card(source / "card-050@side.png", 51)
    write_card(source / "card-052.png", 52)
    change(db, source)
    for merged in (False, True):
        if merged:
            merge(db)
        with closing(open_database(db)) as database:
            rows = database.rows_of("card-050")
            assert len(rows) == 2
            assert [database.card_of(row).card_id for row in rows] == ["card-050"] * 2
            stored = {each.card.card_id: each for each in database.stored_cards()}["card-050"]
            assert (stored.image, stored.more_images) == ("card-050.png", ("card-050@side.png",))
        assert nearest(db, source / "card-050@side.png")[0] == ["card-050"]
        assert sound(db)
    assert remove_cards(db, ["card-050"]).manifest.delta.removed == 2
    assert nearest(db, source / "card-050@side.png")[0] != ["card-050"]


def test_every_card_of_the_base_may_go_when_others_came(db, tmp_path):
    new = write_cards(tmp_path / "new", 3, first=50)
    change(db, new)
    remove_cards(db, [f"card-{number:03d}" for number in range(CARDS)])
    for backend in ("annoy", "exact"):
        ids, _ = nearest(db, new / "card-051.png", backend, k=10)
        assert ids[0] == "card-051"
        assert len(ids) == 3
    assert sound(db)
    assert merge(db).rows == 3
    assert nearest(db, new / "card-051.png")[0] == ["card-051"]
    assert sound(db)
