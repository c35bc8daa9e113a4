"""The training loop: stages, stopping and going on, what is written. Needs torch."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import tiny_training
import torch
from safetensors.torch import load_file

from cardscanner.errors import ArtifactError, CardscannerError, ConfigError
from cardscanner_tools.cli import main
from cardscanner_tools.training import distil, session, train
from cardscanner_tools.training.network import CardNet
from cardscanner_tools.training.networks import build, load_network
from cardscanner_tools.training.recipe import TrainRecipe
from cardscanner_tools.training.recipe_files import load_recipe
from cardscanner_tools.training.weights import read_about, write_weights

pytestmark = pytest.mark.train


def run(command, recipe: Path | str, out: Path, *more: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    words = ["--recipe", str(recipe), "--out", str(out), "--workers", "0", *more]
    return command.run(parser.parse_args(words))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A finished run of the tiny recipe."""
    folder = tmp_path_factory.mktemp("finished")
    assert run(train, tiny_training.recipe(folder / "r.yaml"), folder / "run") == 0
    return folder


@pytest.fixture(scope="module")
def front(tmp_path_factory) -> Path:
    """A checkpoint with the names and shapes of the real one and random numbers in it."""
    torch.manual_seed(0)
    net = CardNet()
    given = named_like_the_checkpoint(net.stem, "_conv_stem", "_bn0")
    for number, block in enumerate(net.blocks):
        prefix = f"_blocks.{number}."
        if block.expand is not None:
            given |= named_like_the_checkpoint(block.expand, f"{prefix}_expand_conv", f"{prefix}_bn0")
        given |= named_like_the_checkpoint(block.depthwise, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        given |= named_like_the_checkpoint(block.project, f"{prefix}_project_conv", f"{prefix}_bn2")
    path = tmp_path_factory.mktemp("front") / "front.pth"
    torch.save(given, path)
    return path


def named_like_the_checkpoint(part, convolution, norm):
    weights = {f"{norm}.{name}": value for name, value in part[2].state_dict().items()}
    return weights | {f"{convolution}.weight": part[1].weight.data}


def test_cardnets_own_recipe_trains_from_its_front_and_writes_what_cardnet_reads(tmp_path, front):
    words = ["train", "--out", str(tmp_path), "--front", str(front), "--workers", "0"]
    changes = {
        "cards.count": 12, "stages.0.examples": 8, "batch": 4, "validation_cards": 8,
        "network.sha256": "null", "precision": "float32", "stages.0.warmup_steps": 1,
    }  # fmt: skip
    assert main([*words, *(w for key, value in changes.items() for w in ("--set", f"{key}={value}"))]) == 0
    net, start = CardNet(), torch.load(front, weights_only=True)
    net.load_state_dict(load_file(tmp_path / "cardnet.safetensors"))
    assert torch.equal(net.stem[1].weight, start["_conv_stem.weight"])
    assert torch.equal(net.stem[2].running_mean, start["_bn0.running_mean"])
    assert [row["step"] for row in tiny_training.rows(tmp_path)] == ["2"]


def test_cardnet_without_a_front_and_with_another_file_is_refused(tmp_path, front, capsys):
    assert main(["train", "--out", str(tmp_path)]) == ConfigError.exit_code
    assert "needs one: --weights" in capsys.readouterr().err
    assert main(["train", "--out", str(tmp_path), "--front", str(front)]) == ArtifactError.exit_code
    assert "it is another file or damaged" in capsys.readouterr().err


def test_weights_say_what_they_are_and_answer_by_themselves(finished):
    path = finished / "run" / "tiny.safetensors"
    about = read_about(path)
    net = load_network(path)
    assert (about["name"], about["dim"], about["seed"], about["step"]) == ("tiny", 16, 5, 6)
    assert about["parameters"] == sum(each.numel() for each in net.parameters())
    assert about["recipe"]["batch"] == 8
    assert set(about["figures"]) == {"usual_top1", "usual_accepted", "hard_top1", "hard_accepted"}
    with torch.no_grad():
        assert net(torch.zeros(2, 32, 32, 3, dtype=torch.uint8)).shape == (2, 16)


def test_the_journal_has_a_row_for_each_validation(finished):
    rows = tiny_training.rows(finished / "run")
    assert [(row["step"], row["examples"]) for row in rows] == [("4", "32"), ("6", "48")]
    assert all(np.isfinite(float(row["loss"])) for row in rows)


def test_a_finished_run_is_left_alone_and_one_of_another_recipe_is_not_gone_on_with(finished, tmp_path):
    before = (finished / "run" / "last.pt").read_bytes()
    assert run(train, finished / "r.yaml", finished / "run") == 0
    assert (finished / "run" / "last.pt").read_bytes() == before
    with pytest.raises(ConfigError, match=r"another recipe \(different: stages\)"):
        run(train, finished / "r.yaml", finished / "run", "--set", "stages.0.lr=3")


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint"])
def test_a_damaged_checkpoint_is_refused_with_what_to_do(finished, tmp_path, damage):
    (tmp_path / "last.pt").write_bytes(damage)
    with pytest.raises(ArtifactError, match=r"last\.pt cannot be read.*delete it to start again"):
        run(train, finished / "r.yaml", tmp_path)


def test_a_frozen_stage_leaves_the_backbone_as_it_was_and_the_next_one_changes_its_last_block(tmp_path):
    recipe = load_recipe(tiny_training.recipe(tmp_path / "r.yaml"), TrainRecipe)
    torch.manual_seed(9)
    start = tmp_path / "start.safetensors"
    write_weights(start, build(recipe.network), {})
    first = {"examples": 16, "lr": 0.01, "warmup_steps": 0, "trainable": "head"}
    second = {**first, "trainable": {"last_blocks": 1}}
    changed = {}
    for name, stages in (("one", [first]), ("two", [first, second])):
        path = tiny_training.recipe(tmp_path / f"{name}.yaml", stages=stages)
        run(train, path, tmp_path / name, "--checkpoint", str(start))
        given, now = load_file(start), load_file(tmp_path / name / "tiny.safetensors")
        changed[name] = {key for key in given if not torch.equal(given[key], now[key])}
    assert {key.split(".")[0] for key in changed["one"]} == {"head"}
    assert {".".join(key.split(".")[:3]) for key in changed["two"] if key.startswith("backbone")} == {
        "backbone.blocks.1", "backbone.norm.weight", "backbone.norm.bias",
    }  # fmt: skip


def test_training_stops_when_a_figure_does_not_grow_and_the_best_weights_are_kept(tmp_path):
    stage = {"examples": 240, "lr": 1e-9, "warmup_steps": 0}
    watch = {"figure": "usual_top1", "patience": 2}
    path = tiny_training.recipe(
        tmp_path / "r.yaml", stages=[stage], validate_every=1, early_stopping=watch, save_every=100
    )
    run(train, path, tmp_path / "run")
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert state["progress"]["finished"]
    assert state["progress"]["step"] == 3
    assert read_about(tmp_path / "run" / "tiny-best.safetensors")["step"] == 1


def test_a_loss_that_is_no_number_ends_the_run(tmp_path):
    path = tiny_training.recipe(tmp_path / "r.yaml", stages=[{"examples": 48, "lr": 1e30, "warmup_steps": 0}])
    with pytest.raises(CardscannerError, match="start again with a smaller lr"):
        run(train, path, tmp_path / "run")


def test_imprinted_classes_are_right_about_clean_faces_from_the_first_step(tmp_path):
    mix = {"clean": 1, "usual": 0, "hard": 0}
    shares = {}
    for imprint in (False, True):
        stage = {"examples": 8, "lr": 1e-9, "captures": mix, "imprint": imprint}
        path = tiny_training.recipe(tmp_path / "r.yaml", stages=[stage])
        run(train, path, tmp_path / str(imprint))
        shares[imprint] = float(tiny_training.rows(tmp_path / str(imprint))[0]["train_top1"])
    assert shares[True] > shares[False]


def test_a_student_comes_near_its_teacher_and_says_whose_it_is(tmp_path, finished):
    teacher = finished / "run" / "tiny.safetensors"
    settings = {"kind": "distil", "early_stopping": None, "stages": [{"examples": 160, "lr": 0.01}]}
    document = {**tiny_training.TRAIN, **settings, "terms": {"mse": 1, "rkd_distance": 0.1}}
    del document["arcface"]
    (tmp_path / "r.yaml").write_text(json.dumps(document))
    more = ("--teacher", str(teacher), "--set", "network.name=small", "--set", "stages.0.warmup_steps=0")
    assert run(distil, tmp_path / "r.yaml", tmp_path / "run", *more) == 0
    rows = tiny_training.rows(tmp_path / "run")
    assert float(rows[-1]["usual_cosine"]) > float(rows[0]["usual_cosine"])
    assert "train_top1" not in rows[0]
    about = read_about(tmp_path / "run" / "small.safetensors")
    assert about["teacher"]["name"] == "tiny"
    assert about["teacher"]["licence"] == "Apache-2.0"
    with pytest.raises(ConfigError, match=r"teacher\.checkpoint: this key is needed"):
        run(distil, tmp_path / "r.yaml", tmp_path / "other")


def test_a_little_arcface_can_be_mixed_into_a_distillation(tmp_path, finished):
    document = {**tiny_training.TRAIN, "kind": "distil", "terms": {"arcface": 0.1}}
    (tmp_path / "r.yaml").write_text(json.dumps(document))
    teacher = str(finished / "run" / "tiny.safetensors")
    assert run(distil, tmp_path / "r.yaml", tmp_path / "run", "--teacher", teacher) == 0
    assert "train_top1" in tiny_training.rows(tmp_path / "run")[0]


def test_event_files_are_written_when_asked_for(tmp_path):
    path = tiny_training.recipe(tmp_path / "r.yaml", stages=[{"examples": 8}])
    run(train, path, tmp_path / "run", "--tensorboard")
    assert list((tmp_path / "run" / "tensorboard").glob("events.out.tfevents.*"))


def test_a_batch_that_does_not_divide_is_refused(tmp_path):
    path = tiny_training.recipe(tmp_path / "r.yaml", accumulate=3)
    with pytest.raises(ConfigError, match="use a multiple of 3"):
        run(train, path, tmp_path / "run")


def test_options_become_keys_of_the_recipe(tmp_path):
    parser = argparse.ArgumentParser()
    session.add_arguments(parser)
    options = parser.parse_args(["--out", "x", "--free-art", str(tmp_path), "--set", "batch=32"])
    assert session.changes_of(options) == {"batch": 32, "cards.free_art": str(tmp_path)}
