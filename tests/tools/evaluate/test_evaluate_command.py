"""The whole command over a small world: invented references, a few photographs, things that are no cards."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from thumbnails import thumbnail_model

from cardscanner.errors import InputError
from cardscanner_tools.evaluate import command
from cardscanner_tools.evaluate.command import SUITES
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene.stage import Pose, card_thing, lay
from cardscanner_tools.scene.surfaces import cloth

pytestmark = pytest.mark.slow
COUNT = 12
QUICK_SUITES = [suite for suite in SUITES if suite != "looks"]
"""That one builds a database of its own, see test_looks_suite."""


def write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[:, :, ::-1])


def table(path: Path, head: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """References (the last few in another gallery, two of one artwork), photographs of known and unknown cards."""
    folder = tmp_path_factory.mktemp("data")
    specs = catalogue(COUNT + 4, 99, reprint_share=0.0)
    references = []
    for number, spec in enumerate(specs[:COUNT]):
        write(folder / f"r/{number}.png", render_card(spec, 300))
        gallery = "distractor" if number >= COUNT - 4 else "en_core"
        references.append(
            [f"c{number}", f"r/{number}.png", spec.name, gallery, "one" if number in (0, 1) else ""]
        )
    table(folder / "references.csv", ["card_id", "file", "name", "gallery", "art_group"], references)
    photos = []
    for place, number in enumerate((2, 3, COUNT - 1, COUNT + 1, COUNT + 2)):
        view = cloth(np.random.default_rng(place), 500, 600)
        thing = card_thing(render_card(specs[number], 400), Pose(300, 250, 330, 0.1 * place))
        lay(view, thing)
        write(folder / f"p/{place}.png", view)
        quad = " ".join(f"{value:.1f}" for value in thing.corners.ravel())
        known = number < COUNT
        photos.append([f"t:{place}", f"p/{place}.png", quad, quad if place % 2 else "", "exact" if known else "unknown",
                       f"c{number}" if known else "", "", "en", "", "1"])  # fmt: skip
    head = ["item", "file", "quad", "quad_annotated", "level", "card_ids", "same_art_ids", "lang", "tags"]
    table(folder / "photos.csv", [*head, "use_for_recognition"], photos)
    write(folder / "n/0.png", cloth(np.random.default_rng(9), 300, 400))
    table(folder / "not_cards.csv", ["file", "kind"], [["n/0.png", "object"]])
    table(folder / "free_cards.csv", ["card_id", "file"], [["f0", "r/0.png"]])
    return folder


def options(*words: str):
    import argparse

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(list(words))


@pytest.fixture(scope="module")
def evaluated(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    models = {
        name: thumbnail_model(out / name, side)
        for name, side in (("model", 16), ("int8", 16), ("teacher", 8))
    }
    suites = [word for suite in QUICK_SUITES for word in ("--suite", suite)]
    given = options(
        "--model", str(models["model"]), "--int8", str(models["int8"]), "--teacher", str(models["teacher"]),
        "--data", str(data), "--out", str(out / "report"), "--quick", "--cards", "30", "--queries", "4", *suites,
    )  # fmt: skip
    assert command.run(given) == 0
    return out / "report", json.loads((out / "report" / "evaluation.json").read_text())


def test_the_document_has_its_keys_seeds_and_hashes(evaluated):
    _, document = evaluated
    assert set(document) == {"run", "catalogue", "photos", "noncards", "reprints", "latency", "acceptance"}
    assert {"model_sha256", "int8_sha256", "teacher_sha256", "code_sha256", "seed", "catalogue_seed"} <= set(
        document["run"]
    )
    clean = document["catalogue"]["conditions"]["clean"]
    assert set(clean) == {
        "model", "int8", "teacher", "int8 in the fp32 gallery", "pixels 24x32", "DCT signs 64 px", "pHash 64",
        "pHash 256", "pHash 1024",
    }  # fmt: skip
    assert set(clean["pHash 64"]) == {"art_top1", "art_top3", "art_top5", "print_top1", "exact_top1"}
    assert set(clean["model"]) > set(clean["pHash 64"]) | {
        "distance_median",
        "distance_p95",
        "accepted_right",
    }
    assert set(clean["model"]["art_top1"]) == {"value", "low", "high", "n"}


def test_an_int8_twin_that_is_the_same_network_loses_nothing(evaluated):
    _, document = evaluated
    for suite in ("catalogue", "photos"):
        for loss in document[suite]["int8_loss"].values():
            assert loss["all"]["value"] == 0.0


def test_a_teacher_of_another_dimension_is_compared_by_rank_and_not_by_cosine(evaluated):
    _, document = evaluated
    assert "cosine_mean" not in document["catalogue"]["teacher"]
    assert "all" in document["catalogue"]["teacher"]["teacher_top1_minus_student"]


def test_cards_known_only_outside_the_core_gallery_count_in_neither_side_there(evaluated):
    _, document = evaluated
    counts = document["photos"]["counts"]["labelled outlines"]
    assert counts["all"] == {"known": 3, "exact": 3, "unknown": 2, "elsewhere": 0}
    assert counts["en_core"] == {"known": 2, "exact": 2, "unknown": 2, "elsewhere": 1}
    assert document["photos"]["elsewhere"]["labelled outlines"]["en_core"]["cards"] == 1


def test_labelled_cards_on_a_plain_cloth_are_found_in_the_references(evaluated):
    _, document = evaluated
    stresses = document["photos"]["outlines"]["labelled outlines"]["all"]
    assert stresses["as is"]["model"]["art_top1"]["value"] == 1.0
    assert stresses["as is"]["pHash 256"]["art_top1"]["value"] == 1.0
    assert set(stresses) == {"as is", "20 % occluded", "glare", "corners 3%", "corners 6%"}


def test_the_table_tells_what_was_measured_and_what_was_not(evaluated):
    _, document = evaluated
    verdicts = {row["criterion"]: row["verdict"] for row in document["acceptance"]}
    assert verdicts["clean: top-1"] in ("met", "not met")
    assert verdicts["photos, end to end: artwork top-1"] in ("met", "not met")
    assert verdicts["cards of another game: accepted"] in ("met", "not met")
    assert verdicts["cards added after training: loss of top-1"] == "not measured here"
    assert verdicts["HEF against ONNX: cosine, p1 (restated)"] == "not measured here"


def test_the_report_is_one_folder_whose_pictures_are_all_there(evaluated):
    out, _ = evaluated
    page = (out / "index.html").read_text(encoding="utf-8")
    sources = [part.split('"')[0] for part in page.split('src="')[1:]]
    assert len(sources) > 10
    assert all((out / source).is_file() for source in sources)
    assert "http" not in page
    for suite in QUICK_SUITES:
        assert f"Suite {suite}" in page


def test_what_cannot_be_measured_is_refused_before_anything_is_done(tmp_path, data):
    with pytest.raises(InputError, match="--data"):
        command.run(options("--suite", "photos", "--out", str(tmp_path / "a")))
    with pytest.raises(InputError, match="--cards 30"):
        command.run(options("--suite", "catalogue", "--cards", "3", "--out", str(tmp_path / "a")))
    with pytest.raises(InputError, match="give --data"):
        command.run(options("--suite", "catalogue", "--db", str(data), "--out", str(tmp_path / "a")))
    assert not (tmp_path / "a").exists()
