"""Building databases from folders and tables, good and bad."""

from __future__ import annotations

import csv
import io
import json
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from drawn_cards import write_card, write_cards
from PIL import Image
from projecting import ProjectingEmbedder, projecting_manifest
from reference_databases import build_quietly
from thumbnails import thumbnail_model

from cardscanner.config import IndexConfig, OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import ArtifactError, Disagreement, InputError
from cardscanner.manifest import agree, load_model_manifest
from cardscanner.match import load_index, open_database
from cardscanner.match.build import Title, build_database
from cardscanner.match.embedding import reference_crop
from cardscanner.match.inspection import describe, verify
from cardscanner.match.progress import Progress

TESTS = Path(__file__).parents[2]


def _table(folder: Path, rows: list[dict[str, str]]) -> Path:
    path = folder / "cards.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("dim", [128, 512, 768])
def test_every_card_of_a_folder_finds_itself(tmp_path, dim):
    source, embedder = write_cards(tmp_path / "cards", 8), ProjectingEmbedder(dim)
    build_quietly(source, tmp_path / "db", embedder=embedder)
    database = open_database(tmp_path / "db")
    crops = np.stack([reference_crop(path, embedder.info) for path in sorted(source.iterdir())])
    for backend in ("annoy", "exact"):
        index = load_index(IndexConfig(backend=backend, database=tmp_path / "db"), database)
        rows, _ = index.nearest(embedder.embed(crops), 1)
        assert rows[:, 0].tolist() == list(range(8))
    assert [database.card_of(row).card_id for row in range(8)] == [
        f"card-{number:03d}" for number in range(8)
    ]
    assert (database.manifest.dim, database.vectors.dtype) == (dim, np.float16)


def test_a_real_network_builds_a_database_that_agrees_with_its_model(tmp_path):
    folder = thumbnail_model(tmp_path / "model", side=8, size=64)
    embedder, model = (
        load_embedder(OnnxConfig(backend="onnx", model=folder, threads=1)),
        load_model_manifest(folder),
    )
    report = build_database(
        write_cards(tmp_path / "cards", 12),
        tmp_path / "db",
        embedder,
        model,
        progress=Progress(io.StringIO()),
        second_looks=False,
    )
    agree(model, report.manifest)
    assert (report.manifest.space, report.manifest.dim) == ("thumbnail-8", 192)
    assert report.manifest.model_sha256 == embedder.info.sha256
    assert all(check.ok for check in verify(tmp_path / "db"))
    embedder.close()


def test_a_table_gives_names_metadata_and_artworks_in_its_own_order(tmp_path):
    for number in range(6):
        write_card(tmp_path / f"{number}.png", number)
    rows = [
        {
            "card_id": f"id-{number}",
            "file": f"{number}.png",
            "name": f"Name {number}",
            "set": "S",
            "art_group": group,
        }
        for number, group in ((4, ""), (0, "g"), (3, ""), (1, "g"), (5, "h"), (2, "h"))
    ]
    report = build_quietly(_table(tmp_path, rows), tmp_path / "db")
    database = open_database(tmp_path / "db")
    cards = [database.card_of(row) for row in range(6)]
    assert [card.card_id for card in cards] == ["id-4", "id-0", "id-3", "id-1", "id-5", "id-2"]
    assert [card.artwork for card in cards] == [0, 1, 2, 1, 3, 3]
    assert (cards[1].name, cards[1].metadata) == ("Name 0", {"set": "S", "art_group": "g"})
    assert (report.manifest.cards, report.manifest.artworks, report.manifest.rows) == (6, 4, 6)


def test_an_unlabelled_reprint_shares_the_artwork_of_its_twin(tmp_path):
    source = write_cards(tmp_path / "cards", 12)
    write_card(source / "reprint.png", 7, print_number=1)
    build_quietly(source, tmp_path / "db")
    database = open_database(tmp_path / "db")
    twin, reprint = (database.card_of(database.row_of(name)) for name in ("card-007", "reprint"))
    assert twin.artwork == reprint.artwork
    assert database.manifest.artworks == 12


def test_pictures_that_cannot_be_read_are_listed_and_left_out(tmp_path):
    source = write_cards(tmp_path / "cards", 8)
    whole = (source / "card-000.png").read_bytes()
    (source / "card-002.png").write_bytes(whole[: len(whole) // 2])
    (source / "card-003.png").write_bytes(b"")
    (source / "card-004.jpg").write_text("this is a text")
    (source / "card-004.png").unlink()
    Image.new("1", (10_000, 10_000)).save(source / "card-006.png")
    report = build_quietly(source, tmp_path / "db")
    reasons = {each.card_id: each.reason for each in report.unreadable}
    assert list(reasons) == ["card-002", "card-003", "card-004", "card-006"]
    assert "cannot be decoded" in reasons["card-002"]
    assert "empty" in reasons["card-003"]
    assert "not a picture" in reasons["card-004"]
    assert "100 megapixels" in reasons["card-006"]
    database = open_database(tmp_path / "db")
    assert [database.card_of(row).card_id for row in range(4)] == [
        "card-000",
        "card-001",
        "card-005",
        "card-007",
    ]
    assert database.row_of("card-002") is None
    assert all(check.ok for check in verify(tmp_path / "db"))


def test_with_strict_one_unreadable_picture_stops_the_build_and_all_are_listed(tmp_path):
    source = write_cards(tmp_path / "cards", 5)
    for name in ("card-001.png", "card-003.png"):
        (source / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"(?s)only 3 of 5 .*card-001.*card-003"):
        build_quietly(source, tmp_path / "db", strict=True)
    with pytest.raises(ArtifactError, match="missing"):
        open_database(tmp_path / "db")


def test_a_source_without_one_readable_picture_is_an_input_error(tmp_path):
    source = tmp_path / "cards"
    source.mkdir()
    (source / "a.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"(?s)not one picture.*a\.png"):
        build_quietly(source, tmp_path / "db")


def test_a_folder_with_no_images_is_an_input_error_and_makes_nothing(tmp_path):
    (tmp_path / "cards").mkdir()
    with pytest.raises(InputError, match="no pictures"):
        build_quietly(tmp_path / "cards", tmp_path / "db")
    assert not (tmp_path / "db").exists()


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_cards_are_enough(tmp_path, count):
    build_quietly(write_cards(tmp_path / "cards", count), tmp_path / "db")
    assert all(check.ok for check in verify(tmp_path / "db"))


def test_the_same_picture_twice_is_one_artwork(tmp_path):
    source = tmp_path / "cards"
    source.mkdir()
    for name in ("a", "b", "c"):
        write_card(source / f"{name}.png", 1)
    report = build_quietly(source, tmp_path / "db")
    assert (report.manifest.cards, report.manifest.artworks) == (3, 1)
    assert all(check.ok for check in verify(tmp_path / "db"))


def test_two_builds_of_one_source_give_the_same_files(tmp_path):
    source = write_cards(tmp_path / "cards", 6)
    for out in ("one", "two"):
        build_quietly(source, tmp_path / out)
    for name in ("vectors.npy", "index.ann", "cards.sqlite"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_nothing_but_the_database_stays_in_its_folder(tmp_path):
    build_quietly(write_cards(tmp_path / "cards", 5), tmp_path / "db")
    names = sorted(path.name for path in (tmp_path / "db").iterdir())
    assert names == ["cards.sqlite", "index.ann", "manifest.json", "vectors.npy"]


def test_a_second_build_replaces_the_first(tmp_path):
    build_quietly(write_cards(tmp_path / "first", 5), tmp_path / "db")
    build_quietly(write_cards(tmp_path / "second", 3, first=50), tmp_path / "db", title=Title("again", "2"))
    found = describe(tmp_path / "db")
    assert (found["name"], found["version"], found["cards"]) == ("again", "2", 3)
    assert all(check.ok for check in verify(tmp_path / "db"))
    assert open_database(tmp_path / "db").row_of("card-050") == 0


def test_the_title_is_the_folder_and_the_day_unless_given(tmp_path):
    report = build_quietly(write_cards(tmp_path / "cards", 2), tmp_path / "my cards")
    assert report.manifest.name == "my cards"
    assert report.manifest.created.startswith(report.manifest.version.replace(".", "-"))


def test_the_manifest_says_how_well_the_index_finds(tmp_path):
    report = build_quietly(write_cards(tmp_path / "cards", 20), tmp_path / "db")
    index = report.manifest.index
    assert index.trees == 50
    assert index.measured["recall_1"] >= 0.999
    assert index.measured["recall_11"] >= 0.99


def test_an_embedder_of_another_space_than_the_manifest_disagrees(tmp_path):
    source, embedder = write_cards(tmp_path / "cards", 2), ProjectingEmbedder(64)
    with pytest.raises(Disagreement, match="do not belong together"):
        build_database(source, tmp_path / "db", embedder, projecting_manifest(ProjectingEmbedder(128)))


class BrokenEmbedder(ProjectingEmbedder):
    """Gives what a broken model may give."""

    def __init__(self, harm):
        super().__init__(64)
        self._harm = harm

    def embed(self, crops):
        return self._harm(super().embed(crops))


@pytest.mark.parametrize(
    "harm", [lambda v: v * np.nan, lambda v: v * 0, lambda v: v * 3, lambda v: v[:, :32], lambda v: v[:-1]]
)
def test_a_model_that_gives_no_unit_vectors_is_an_artifact_error(tmp_path, harm):
    with pytest.raises(ArtifactError, match="unit vector"):
        build_quietly(write_cards(tmp_path / "cards", 3), tmp_path / "db", embedder=BrokenEmbedder(harm))


def test_a_model_folder_is_not_overwritten_by_a_database(tmp_path):
    model = thumbnail_model(tmp_path / "model", side=8, size=64)
    with pytest.raises(ArtifactError, match="holds a model"):
        build_quietly(write_cards(tmp_path / "cards", 2), model)
    assert json.loads((model / "manifest.json").read_text())["kind"] == "model"


def test_a_file_in_the_place_of_the_folder_is_an_artifact_error(tmp_path):
    (tmp_path / "db").write_text("a file")
    with pytest.raises(ArtifactError, match="not a folder"):
        build_quietly(write_cards(tmp_path / "cards", 2), tmp_path / "db")


def test_a_damaged_database_can_be_built_again_in_its_place(tmp_path):
    source = write_cards(tmp_path / "cards", 3)
    build_quietly(source, tmp_path / "db")
    (tmp_path / "db" / "manifest.json").write_text("{")
    (tmp_path / "db" / "index.ann").write_bytes(b"x")
    build_quietly(source, tmp_path / "db")
    assert all(check.ok for check in verify(tmp_path / "db"))


def test_a_full_disk_is_an_artifact_error_and_the_build_goes_on_when_there_is_room(tmp_path):
    source = write_cards(tmp_path / "cards", 10)
    build_quietly(source, tmp_path / "db")
    before = (tmp_path / "db" / "manifest.json").read_bytes()
    write_card(source / "new.png", 99)
    # A limit on the size of a file stands for the full disk: parts fit, the index does not.
    child = subprocess.run(
        [sys.executable, str(TESTS / "building_child.py"), str(source), str(tmp_path / "db")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 65, child.stderr[-2000:]
    assert "cannot be written" in child.stdout
    assert (tmp_path / "db" / "manifest.json").read_bytes() == before
    assert open_database(tmp_path / "db").row_of("new") is None

    embedder = ProjectingEmbedder(128)
    build_quietly(source, tmp_path / "db", embedder=embedder, part_cards=4)
    assert open_database(tmp_path / "db").row_of("new") == 10


def test_a_folder_that_cannot_be_written_is_an_artifact_error(tmp_path):
    with pytest.raises(ArtifactError, match="cannot be written"):
        build_quietly(write_cards(tmp_path / "cards", 2), Path("/proc/cards"))


def test_two_builders_at_once_do_not_meet(tmp_path):
    source = write_cards(tmp_path / "cards", 12)
    child = subprocess.Popen(
        [sys.executable, str(TESTS / "building_child.py"), str(source), str(tmp_path / "db"), "--pause", "5"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "embedding\n"
        with pytest.raises(ArtifactError, match="another build or change"):
            build_quietly(source, tmp_path / "db")
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        child.stdout.close()
    build_quietly(source, tmp_path / "db")
    assert all(check.ok for check in verify(tmp_path / "db"))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("dim", [128, 512])
def test_vectors_are_kept_in_the_precision_that_was_asked_for(tmp_path, dtype, dim):
    embedder = ProjectingEmbedder(dim)
    source = write_cards(tmp_path / "cards", 8)
    build_quietly(source, tmp_path / "db", embedder=embedder, dtype=dtype)
    database = open_database(tmp_path / "db")
    assert (database.manifest.dtype, database.vectors.dtype.name, database.manifest.dim) == (
        dtype,
        dtype,
        dim,
    )
    crops = np.stack([reference_crop(path, embedder.info) for path in sorted(source.iterdir())])
    assert (np.asarray(database.vectors) == embedder.embed(crops).astype(dtype)).all()
    assert all(check.ok for check in verify(tmp_path / "db"))


def test_several_views_of_a_card_are_one_card_with_as_many_rows(tmp_path):
    source = write_cards(tmp_path / "cards", 6)
    for number, view in enumerate(("foil", "sleeve")):
        write_card(source / f"card-002@{view}.png", 40 + number)
    report = build_quietly(source, tmp_path / "db")
    assert (report.manifest.cards, report.manifest.rows, report.manifest.artworks) == (6, 8, 6)
    database = open_database(tmp_path / "db")
    rows = database.rows_of("card-002")
    assert list(rows) == [2, 3, 4]
    assert database.row_of("card-002") == 2
    assert [database.card_of(row).card_id for row in rows] == ["card-002"] * 3
    assert database.rows_of("card-003") == range(5, 6)
    assert database.rows_of("card-005") == range(7, 8)
    assert len(database.rows_of("nobody")) == 0
    stored = {each.card.card_id: each for each in database.stored_cards()}["card-002"]
    assert stored.more_images == ("card-002@foil.png", "card-002@sleeve.png")
    assert database.depth == 8, "views are rows that can come before the next artwork"
    assert all(check.ok for check in verify(tmp_path / "db"))


def test_a_card_keeps_the_views_that_can_be_read(tmp_path):
    source = write_cards(tmp_path / "cards", 3)
    (source / "card-001.png").write_bytes(b"")
    write_card(source / "card-001@foil.png", 41)
    report = build_quietly(source, tmp_path / "db")
    assert [each.card_id for each in report.unreadable] == ["card-001"]
    database = open_database(tmp_path / "db")
    assert list(database.rows_of("card-001")) == [1]
    assert report.manifest.cards == 3


def test_whoever_opens_the_card_table_with_sql_finds_columns(tmp_path):
    write_card(tmp_path / "a.png", 1)
    row = {"card_id": "x", "file": "a.png", "name": "N", "set": "S", "number": "7", "lang": "en", "rarity": "R", "finish": "holo", "art_group": "g"}  # fmt: skip
    build_quietly(_table(tmp_path, [row]), tmp_path / "db")
    with closing(sqlite3.connect(tmp_path / "db" / "cards.sqlite")) as file:
        found = file.execute(
            'SELECT card_id, name, artwork, image, "set", number, language, rarity, finish, art_group FROM prints'
        ).fetchall()
    assert found == [("x", "N", 0, "a.png", "S", "7", "en", "R", "holo", "g")]


@pytest.mark.parametrize("limit", [6_000, 14_000])
def test_a_disk_that_refuses_any_file_of_a_build_leaves_a_clear_error_and_the_old_database(tmp_path, limit):
    source = write_cards(tmp_path / "cards", 3)
    build_quietly(source, tmp_path / "db", 16)
    before = (tmp_path / "db" / "manifest.json").read_bytes()
    child = subprocess.run(
        [sys.executable, str(TESTS / "building_child.py"), str(source), str(tmp_path / "db")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 65, child.stderr[-2000:]
    assert "cannot be written" in child.stdout
    assert (tmp_path / "db" / "manifest.json").read_bytes() == before
    assert all(check.ok for check in verify(tmp_path / "db"))
