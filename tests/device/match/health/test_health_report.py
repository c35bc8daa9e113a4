"""The report that comes with every build, on references with known faults."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_cards import draw_card, write_card, write_cards
from projecting import ProjectingEmbedder
from reference_databases import build_quietly, random_units

from cardscanner.match.exact import exact_index
from cardscanner.match.health.closeness import NOBODY, nearest_others, random_pairs
from cardscanner.match.health.doubtful import doubtful_pictures
from cardscanner.match.health.histogram import histogram
from cardscanner.match.health.report import report_on
from cardscanner.match.progress import Progress


def large(path: Path, number: int, *, lying: bool = False) -> Path:
    picture = draw_card(number, 184, 132)
    cv2.imwrite(str(path), np.rot90(picture) if lying else picture)
    return path


def report(source: Path, out: Path, progress: Progress) -> None:
    embedder = ProjectingEmbedder(128)
    report_on(out, build_quietly(source, out, embedder=embedder).pictures, embedder, progress)


def kinds(pictures: Sequence[Path]) -> set[tuple[str, tuple[int, ...]]]:
    return {(each.kind, each.rows) for each in doubtful_pictures(pictures, lambda: None)}


def test_good_pictures_raise_no_doubt(tmp_path):
    assert kinds([large(tmp_path / f"{number}.png", number) for number in range(4)]) == set()


def test_blank_lying_tiny_doubled_and_lost_pictures_are_named(tmp_path):
    pictures = [large(tmp_path / f"{number}.png", number, lying=number == 2) for number in range(6)]
    cv2.imwrite(str(pictures[0]), np.full((184, 132, 3), 90, np.uint8))
    write_card(pictures[1], 1)
    shutil.copy(pictures[3], pictures[4])
    pictures[5].unlink()
    assert kinds(pictures) == {
        ("blank", (0,)), ("tiny", (1,)), ("lying", (2,)), ("same file", (3, 4)), ("unreadable", (5,)),
    }  # fmt: skip


def test_in_a_game_of_lying_cards_none_is_doubtful_for_it(tmp_path):
    assert kinds([large(tmp_path / f"{number}.png", number, lying=True) for number in range(4)]) == set()


def test_the_nearest_other_card_and_the_nearest_other_artwork_are_what_a_full_comparison_says():
    vectors = random_units(60, 32)
    cards, artworks = np.repeat(np.arange(30), 2), np.repeat(np.arange(15), 4)
    found = nearest_others(vectors, exact_index(vectors), cards, artworks)
    cosines = vectors @ vectors.T
    for numbers, rows, near in (
        (cards, found.card, found.card_cosine),
        (artworks, found.artwork, found.artwork_cosine),
    ):
        others = np.where(numbers[:, None] == numbers[None], -2, cosines)
        assert np.array_equal(rows, others.argmax(axis=1))
        assert np.allclose(near, others.max(axis=1), atol=1e-5)


def test_where_all_is_one_artwork_there_is_no_other():
    vectors = random_units(5, 16)
    found = nearest_others(vectors, exact_index(vectors), np.arange(5), np.zeros(5, np.int64))
    assert (found.artwork == NOBODY).all()
    assert (found.card != NOBODY).all()
    assert len(random_pairs(vectors, np.zeros(5, np.int64), 1)) == 0


def test_a_histogram_holds_every_distribution_and_escapes_their_names():
    drawing = histogram(
        {"a < b": np.array([0.1, 0.9], np.float32), "none": np.empty(0, np.float32)}, 0, 1, "x"
    )
    assert "a &lt; b (n = 2)" in drawing
    assert "none" not in drawing


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    source = write_cards(folder / "cards", 12)
    shutil.copy(source / "card-003.png", source / "card-099.png")
    report(source, folder / "db", Progress(StringIO()))
    return folder / "db"


def test_every_build_leaves_a_page_a_document_and_a_table(built):
    report = json.loads((built / "report" / "report.json").read_text())
    assert report["cards"] == report["rows"] == 13
    assert ["card-003", "card-099"] in report["artwork_groups"]
    assert {"kind": "same file", "cards": ["card-003", "card-099"]}.items() <= next(
        each for each in report["doubtful"] if each["kind"] == "same file"
    ).items()
    assert report["accept"]["threshold"] > 0
    assert report["cosine"]["captures and their own reference"]["p50"] > 0.5
    with (built / "report" / "nearest.csv").open(newline="") as file:
        rows = {row["card_id"]: row for row in csv.DictReader(file)}
    assert rows["card-003"]["nearest_card"] == "card-099"
    assert float(rows["card-003"]["distance"]) == pytest.approx(0, abs=1e-3)
    assert rows["card-003"]["nearest_artwork"] not in {"card-003", "card-099"}


def test_the_page_shows_what_it_names(built):
    page = (built / "report" / "index.html").read_text()
    assert "<svg" in page
    assert "card-003, card-099" in page
    shown = {each.name for each in (built / "report" / "pictures").iterdir()}
    assert shown
    assert all(f"pictures/{name}" in page for name in shown)


def test_a_report_that_cannot_be_written_leaves_the_database_and_says_so(tmp_path):
    source = write_cards(tmp_path / "cards", 4)
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / ".report").write_text("in the way")
    said = StringIO()
    report(source, tmp_path / "db", Progress(said))
    assert "its report could not be written" in said.getvalue()
    assert (tmp_path / "db" / "manifest.json").is_file()
