"""Adapting the shipped model to a dozen drawn cards, as a user would to their own. Needs torch."""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from projecting import ProjectingEmbedder
from reference_databases import database_of, random_units
from safetensors.torch import load_file

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import ArtifactError, ConfigError, Disagreement, InputError
from cardscanner.manifest import agree, load_database_manifest, load_model_manifest
from cardscanner.shipped import shipped_model
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.training import finetune
from cardscanner_tools.training.finetune_cards import read_faces
from cardscanner_tools.training.finetune_measure import measure, table
from cardscanner_tools.training.finetune_split import seen_pool, split_cards
from cardscanner_tools.training.finetune_task import Anchored, cardnet_entry
from cardscanner_tools.training.losses import ArcFace
from cardscanner_tools.training.network import CardNet
from cardscanner_tools.training.weights import write_weights

pytestmark = pytest.mark.train

SHIPPED = shipped_model()
CARDS = 12
WEIGHTS = "finetuned.safetensors"


def draw_references(folder: Path, cards: int, art_groups: dict[int, str] | None = None) -> Path:
    """A card table of drawn cards, the first of them damaged."""
    folder.mkdir(parents=True)
    rows = [{"card_id": "damaged", "file": "damaged.png", "art_group": ""}]
    (folder / "damaged.png").write_bytes(b"no picture")
    for number, spec in enumerate(catalogue(cards, seed=21, reprint_share=0.0)):
        cv2.imwrite(str(folder / f"{number}.png"), render_card(spec)[:, :, ::-1])
        rows.append(
            {
                "card_id": f"c{number}",
                "file": f"{number}.png",
                "art_group": (art_groups or {}).get(number, ""),
            }
        )
    with (folder / "references.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "references.csv"


def words(references: Path, out: Path, *more: str) -> list[str]:
    return ["--model", str(SHIPPED), "--references", str(references), "--out", str(out), "--examples", "20",
            "--batch", "4", "--captures", "12", "--save-every", "1", "--workers", "0", "--hold-back", "0.3",
            *more]  # fmt: skip


def run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    finetune.add_arguments(parser)
    return finetune.run(parser.parse_args(arguments))


@pytest.fixture(scope="module")
def references(tmp_path_factory) -> Path:
    return draw_references(tmp_path_factory.mktemp("cards") / "cards", CARDS)


@pytest.fixture(scope="module")
def finished(references, tmp_path_factory) -> Path:
    """The folder of a run that was never disturbed."""
    out = tmp_path_factory.mktemp("runs") / "undisturbed"
    assert run(words(references, out)) == 0
    return out


def prepared(finished: Path, out: Path) -> Path:
    """A folder with everything that is found before the training, and nothing of the training."""
    out.mkdir()
    shutil.copytree(finished / "cards", out / "cards")
    for name in ("before.json", "start.safetensors"):
        shutil.copy(finished / name, out / name)
    return out


def embedded(folder: Path, crops: np.ndarray) -> np.ndarray:
    with closing(load_embedder(OnnxConfig(backend="onnx", model=folder))) as embedder:
        return embedder.embed(crops)


def test_a_run_ends_with_a_model_of_its_own_space_that_the_scanner_opens(finished):
    manifest = load_model_manifest(finished / "model")
    shipped = load_model_manifest(SHIPPED)
    assert manifest.space != shipped.space
    assert manifest.name == "cardnet-mine"
    assert shipped.space in manifest.notes
    assert (manifest.dim, manifest.input, manifest.licence) == (shipped.dim, shipped.input, shipped.licence)
    crops = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    adapted, before = embedded(finished / "model", crops), embedded(SHIPPED, crops)
    assert np.allclose(np.linalg.norm(adapted, axis=1), 1, atol=1e-5)
    cosines = (adapted * before).sum(axis=1)
    assert (cosines > 0.5).all()
    assert (cosines < 0.99999).all()


def test_the_adapted_model_and_a_database_of_the_old_one_do_not_agree(finished, tmp_path):
    shipped = load_model_manifest(SHIPPED)
    given = load_database_manifest(database_of(tmp_path / "db", random_units(5, shipped.dim)))
    database = given.model_copy(update={"space": shipped.space})
    agree(shipped, database)
    with pytest.raises(Disagreement, match="build the database with this model"):
        agree(load_model_manifest(finished / "model"), database)


def test_the_front_and_all_batch_norms_stay_as_they_were_and_the_tail_learns(finished):
    start, end = load_file(finished / "start.safetensors"), load_file(finished / WEIGHTS)
    norms = {name.removesuffix("running_mean") for name in start if name.endswith("running_mean")}
    for name, value in start.items():
        if name.startswith(("stem.", "blocks.", *norms)):
            assert torch.equal(value, end[name]), name
    assert not torch.equal(start["project.weight"], end["project.weight"])


def test_the_report_names_who_was_held_back_and_has_both_measurements(finished):
    report = json.loads((finished / "finetune.json").read_text())
    assert report["cards"] == report["artworks"] == CARDS
    assert report["unreadable"] == ["damaged"]
    assert len(report["held_back"]) == 4
    assert set(report["before"]) == set(report["after"])
    assert all(0 <= share <= 1 for share in [*report["before"].values(), *report["after"].values()])
    assert report["before"]["held_back_usual_top1"] > 0.9
    assert {"seen_hard_accepted", "held_back_hard_top1"} <= set(report["after"])


def test_a_vector_away_from_where_its_clean_face_was_costs_the_anchor_times_the_squared_distance():
    torch.manual_seed(3)
    arcface = ArcFace(6, 3)
    anchored = Anchored(torch.nn.Identity(), arcface, anchor=2.0)
    anchored.places.copy_(torch.eye(6)[:3])
    vectors = torch.nn.functional.normalize(torch.randn(4, 6), dim=1)
    labels, others, share = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 0, 2, 1]), torch.tensor(0.75)
    loss, figures = anchored(vectors, labels, others, share)
    away = [2 - 2 * vectors[range(4), each] for each in (labels, others)]
    parts = [
        arcface(vectors, each)[0] + 2.0 * far.mean() for each, far in zip((labels, others), away, strict=True)
    ]
    assert torch.isclose(loss, 0.75 * parts[0] + 0.25 * parts[1])
    assert torch.isclose(figures["train_away"], away[0].mean())


def test_a_run_that_was_killed_ends_with_the_same_weights(finished, references, tmp_path):
    out = prepared(finished, tmp_path / "killed")
    arguments = words(references, out)
    code = (
        "import argparse, sys; from cardscanner_tools.training import finetune; p = argparse.ArgumentParser();"
        "finetune.add_arguments(p); finetune.run(p.parse_args(sys.argv[1:]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while not (out / "last.pt").is_file() and child.poll() is None:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    _, said = child.communicate()
    assert child.returncode == -signal.SIGKILL, said.decode()
    state = torch.load(out / "last.pt", weights_only=True)
    assert not state["progress"]["finished"]
    assert run(arguments) == 0
    undisturbed, resumed = load_file(finished / WEIGHTS), load_file(out / WEIGHTS)
    assert undisturbed.keys() == resumed.keys()
    for name, value in undisturbed.items():
        assert torch.equal(value, resumed[name]), name
    assert load_model_manifest(out / "model").files == load_model_manifest(finished / "model").files


def test_a_folder_with_another_run_in_it_is_refused(finished, references):
    with pytest.raises(ConfigError, match="another recipe"):
        run(words(references, finished, "--lr", "0.5"))


def test_damaged_pictures_and_too_few_cards_are_said_and_do_not_stop_it(
    finished, references, tmp_path, capsys
):
    out = tmp_path / "again"
    prepared(finished, out)
    (out / "before.json").unlink()
    assert run(words(references, out, "--examples", "4", "--augment", "none")) == 0
    said = capsys.readouterr()
    assert "left out: damaged: " in said.err
    assert "warning: only 8 artworks" in said.err
    assert "cards it never saw, hard" in said.out
    assert "cardscanner db build" in said.out


def test_weights_that_are_not_the_models_are_refused(finished, references, tmp_path):
    torch.manual_seed(5)
    other = tmp_path / "other.safetensors"
    entry = cardnet_entry(load_model_manifest(SHIPPED))
    write_weights(other, CardNet(), {"network": entry.model_dump(mode="json")})
    out = prepared(finished, tmp_path / "out")
    with pytest.raises(ArtifactError, match="not the weights of"):
        run(words(references, out, "--weights", str(other)))


def test_the_models_own_weights_may_be_given_instead_of_taking_them_from_its_file(
    finished, references, tmp_path
):
    out = prepared(finished, tmp_path / "out")
    own = shutil.move(out / "start.safetensors", tmp_path / "own.safetensors")
    assert run(words(references, out, "--examples", "4", "--weights", str(own))) == 0
    assert load_model_manifest(out / "model").dim == 768


@pytest.mark.parametrize(
    ("more", "named"),
    [(["--hold-back", "1"], "--hold-back"), (["--batch", "1"], "--batch"), (["--augment", "mirror=1"], "mirror"),
     (["--references", "nowhere.csv"], "nowhere.csv")],
)  # fmt: skip
def test_options_that_make_no_sense_are_named_before_anything_is_read(references, tmp_path, more, named):
    with pytest.raises(InputError, match=named):
        run([*words(references, tmp_path / "out"), *more])
    assert not (tmp_path / "out").exists()


def test_prints_of_one_art_group_are_one_class_and_are_held_back_together(tmp_path):
    source = draw_references(
        tmp_path / "cards", 12, {0: "dragon", 1: "dragon", 2: "dragon", 3: "", 4: "castle", 5: "castle"}
    )
    faces = read_faces(source, tmp_path / "out")
    for seed in range(6):
        split = split_cards(faces, ProjectingEmbedder(), 0.4, seed)
        assert len(set(split.artworks[:3])) == len(set(split.artworks[4:6])) == 1
        assert len(set(split.held_back[:3])) == len(set(split.held_back[4:6])) == 1
        assert 0 < split.held_back.sum() < 12
        assert not set(split.artworks[split.held_back]) & set(split.artworks[~split.held_back])
        assert sorted(set(split.classes)) == list(range(len(set(split.artworks[~split.held_back]))))


def test_the_cards_to_learn_from_are_those_that_are_not_held_back(tmp_path):
    faces = read_faces(draw_references(tmp_path / "cards", 10), tmp_path / "out")
    split = split_cards(faces, ProjectingEmbedder(), 0.3, 1)
    pool = seen_pool(faces, split, tmp_path / "seen")
    assert len(pool.faces) == len(pool.labels) == len(split.seen_rows) == 7
    for face, row in zip(pool.faces, split.seen_rows, strict=True):
        assert np.array_equal(face, faces.pictures[row])


def test_too_few_different_cards_are_refused(tmp_path):
    faces = read_faces(draw_references(tmp_path / "cards", 3), tmp_path / "out")
    with pytest.raises(InputError, match="3 readable references show 3 different artworks"):
        split_cards(faces, ProjectingEmbedder(), 0.1, 1)


def test_references_are_read_once_and_again_when_one_of_them_changed(tmp_path):
    source = draw_references(tmp_path / "cards", 4)
    first = read_faces(source, tmp_path / "out")
    written = (tmp_path / "out" / "faces.npy").stat().st_mtime_ns
    again = read_faces(source, tmp_path / "out")
    assert (tmp_path / "out" / "faces.npy").stat().st_mtime_ns == written
    assert [each.card_id for each in again.references] == ["c0", "c1", "c2", "c3"]
    assert [each.card_id for each in again.unreadable] == ["damaged"]
    shutil.copy(tmp_path / "cards" / "0.png", tmp_path / "cards" / "3.png")
    changed = read_faces(source, tmp_path / "out")
    assert changed.identity != first.identity
    assert np.array_equal(changed.pictures[0], changed.pictures[3])


def test_not_one_readable_picture_is_an_error_that_says_why(tmp_path):
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"not one picture can be read\n.*empty"):
        read_faces(tmp_path / "cards", tmp_path / "out")


def test_measurements_repeat_and_are_shown_side_by_side(tmp_path):
    faces = read_faces(draw_references(tmp_path / "cards", 14), tmp_path / "out")
    embedder = ProjectingEmbedder()
    split = split_cards(faces, embedder, 0.3, 1)
    figures = measure(embedder, faces, split, 30, 1)
    assert figures == measure(embedder, faces, split, 30, 1)
    assert figures != measure(embedder, faces, split, 30, 2)
    assert 0.3 < figures["seen_usual_top1"] <= 1
    lines = table(figures, dict.fromkeys(figures, 0.5)).splitlines()
    assert f"{100 * figures['seen_hard_top1']:.1f}%" in next(line for line in lines if "saw, hard" in line)
    assert all("50.0%" in line for line in lines if line.startswith("cards"))
