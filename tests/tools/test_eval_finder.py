"""The finder's report on a tiny folder of drawn photographs."""

import csv
import json

import cv2
import numpy as np
import pytest
from drawn_tables import empty_table, lay_cards, page, plain_table

from cardscanner_tools.cli import main
from cardscanner_tools.scene.stage import Pose

COLUMNS = ("item", "file", "quad", "quad_annotated", "level", "card_ids", "same_art_ids", "lang", "tags",
           "use_for_recognition", "origin")  # fmt: skip
SHREY = "ShreyShingala+Pokemon-Card-Scanning-Webapp/x.jpg"
KOALA = "koala-man-64+trading-card-scanner/y.jpg"


def words(corners):
    return " ".join(f"{value:.2f}" for value in np.asarray(corners).ravel())


def row(item, file, corners, origin, tags="", annotated=None):
    return dict.fromkeys(COLUMNS, "") | {
        "item": item, "file": file, "quad": words(corners) if annotated is None else "",
        "quad_annotated": "" if annotated is None else words(annotated), "level": "unknown", "lang": "en",
        "tags": tags, "use_for_recognition": "1", "origin": origin,
    }  # fmt: skip


def write(folder, name, view):
    cv2.imwrite(str(folder / name), view[:, :, ::-1])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rows = []
    view = plain_table(90)
    (corners,) = lay_cards(view, Pose(640, 360, 430, 0.2))
    write(folder, "clean.png", view)
    rows.append(row("a", "clean.png", corners, SHREY, "easel"))
    view = plain_table(90)
    (corners,) = lay_cards(view, Pose(640, 360, 430, 0.5))
    box = [corners.min(axis=0), corners.max(axis=0)]
    write(folder, "boxed.png", view)
    upright = [[box[0][0], box[0][1]], [box[1][0], box[0][1]], box[1], [box[0][0], box[1][1]]]
    rows.append(row("b", "boxed.png", corners, SHREY, "axis_aligned_box", annotated=upright))
    view = empty_table("wood", 3)
    first, second = lay_cards(view, Pose(400, 360, 430, 0.1), Pose(860, 350, 420, 0.2))
    write(folder, "missing_label.png", view)
    rows.append(row("c", "missing_label.png", first + 4, SHREY, "easel"))
    view = plain_table(90)
    many = lay_cards(view, *page(2, 2, 300, (640, 360)))
    write(folder, "partly.png", view)
    rows.append(row("d", "partly.png", many[0], KOALA, "binder"))
    write(folder, "nothing.png", empty_table("cloth", 1))
    rows.append(row("e", "nothing.png", second, SHREY, "easel"))
    with (folder / "photos.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    write(folder, "shelf.png", empty_table("speckle", 2))
    view = plain_table(90)
    lay_cards(view, Pose(640, 360, 430, 0.2))
    write(folder, "ace.png", view)
    (folder / "not_cards.csv").write_text("file,kind\nshelf.png,object\nace.png,playing_card\n")
    return folder


@pytest.fixture(scope="module")
def report(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "eval"
    assert main(["eval-finder", "--data", str(data), "--out", str(out), "--effort", "live"]) == 0
    return out


def figures(report):
    return json.loads((report / "eval-finder.json").read_text())


def test_cards_are_found_by_level_and_group(report):
    cards = figures(report)["cards"]
    assert cards["all"]["cards"] == 5
    assert cards["all"]["found_iou_50"] == cards["all"]["found_iou_90"] == pytest.approx(4 / 5)
    assert cards["tag easel"]["cards"] == 3
    assert cards["tag easel"]["found_iou_50"] == pytest.approx(2 / 3)
    assert cards["origin koala-man-64+trading-card-scanner"]["found_iou_90"] == 1
    assert {"part fit", "part held-out", "part other"} & set(cards)
    assert cards["part other"]["cards"] == 1


def test_boxes_tell_no_corner_error_and_a_shifted_label_tells_its_shift(report):
    cards = figures(report)["cards"]
    assert cards["tag axis_aligned_box"]["found_iou_90"] == 1
    assert cards["tag axis_aligned_box"]["corners_measured"] == 0
    assert cards["tag axis_aligned_box"]["corner_error_median_pct"] is None
    assert cards["all"]["corners_measured"] == 3
    width = 430 * 63 / 88
    assert cards["all"]["corner_error_p90_pct"] == pytest.approx(100 * np.hypot(4, 4) / width, rel=0.3)
    assert cards["origin koala-man-64+trading-card-scanner"]["corner_error_median_pct"] < 1


def test_a_quad_is_false_only_where_every_card_is_labelled(report):
    false = figures(report)["false_quads"]
    assert false["labelled photos"]["pictures"] == 4
    assert false["labelled photos"]["false_quads"] == 1
    assert false["no cards: object"]["false_quads"] == 0
    assert false["no cards: playing_card"]["false_quads_per_picture"] == 1


def test_the_report_says_what_was_measured_and_what_it_costs(report):
    document = figures(report)
    assert document["finder"]["used"]["effort"] == "live"
    assert len(document["finder"]["used"]["weights_sha256"]) == 64
    assert all(value > 0 for value in document["time"]["all pictures"].values())


def test_the_page_shows_each_failure(report):
    page_text = (report / "index.html").read_text()
    assert "nothing.png" in page_text
    assert "missing_label.png" in page_text
    assert "ace.png" in page_text
    assert "clean.png" not in page_text
    assert len(list((report / "pictures").glob("*.jpg"))) == 3


def test_figures_can_be_printed_as_json(data, tmp_path, capsys):
    words = ["eval-finder", "--data", str(data), "--out", str(tmp_path), "--effort", "live", "--json"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert json.loads(text[: text.rindex("report: ")])["cards"]["all"]["cards"] == 5


def test_a_folder_without_labels_is_named(tmp_path, capsys):
    assert main(["eval-finder", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "photos.csv" in capsys.readouterr().err
