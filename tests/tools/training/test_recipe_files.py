"""Recipes: every shipped one is valid, and a mistake is named with file, line, key and what is allowed."""

from __future__ import annotations

import pytest
import tiny_training
import yaml

from cardscanner.errors import ConfigError
from cardscanner_tools.training.recipe import DistilRecipe, LastBlocks, TrainRecipe
from cardscanner_tools.training.recipe_files import (
    differences,
    find_recipe,
    load_recipe,
    parse_changes,
    shipped_recipes,
)


def kind_of(path) -> type[TrainRecipe | DistilRecipe]:
    return {"train": TrainRecipe, "distil": DistilRecipe}[yaml.safe_load(path.read_text())["kind"]]


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_is_valid_and_named_as_its_file(name):
    path = find_recipe(name)
    recipe = load_recipe(path, kind_of(path))
    assert recipe.name == name
    assert recipe.network.dim == 768
    assert recipe.network.licence


def test_teachers_and_students_of_the_specification_are_there():
    shipped = shipped_recipes()
    wanted = {"dinov3-vit-l16-256", "dinov3-vit-l16-512", "dinov2-vit-l14-518", "cardnet"}
    assert {*wanted, "hailo", "box", "regnetx", "ios", "android"} <= set(shipped)
    assert find_recipe("server") == find_recipe("teacher") == shipped["dinov3-vit-l16-256"]
    teacher = load_recipe(find_recipe("teacher"), TrainRecipe)
    assert (teacher.arcface.margin, teacher.arcface.scale) == (0.5, 64)
    first, second = teacher.stages
    assert (first.epochs, first.lr, first.trainable) == (5, 1e-3, "head")
    assert (second.epochs, second.lr, second.trainable) == (15, 1e-5, LastBlocks(last_blocks=4))


def test_518_pixels_with_patch_16_are_refused_with_the_reason():
    changes = {"network.size": 518}
    with pytest.raises(ConfigError, match=r"518 is not a multiple of patch 16: use 512 or 528.*DINOv2"):
        load_recipe(find_recipe("dinov3-vit-l16-256"), TrainRecipe, changes)


def test_a_mistake_is_named_with_file_line_key_and_what_is_allowed(tmp_path):
    path = tiny_training.recipe(tmp_path / "r.yaml", stages=[{"examples": 9, "rate": 1}], batch=1)
    with pytest.raises(ConfigError) as caught:
        load_recipe(path, TrainRecipe)
    said = str(caught.value)
    lines = path.read_text().splitlines()
    batch, rate = (
        1 + next(n for n, line in enumerate(lines) if word in line) for word in ("batch:", "rate:")
    )
    assert f"{path}, line {batch}: batch: Input should be greater than or equal to 2 (given: 1)" in said
    assert f"{path}, line {rate}: stages.0.rate: unknown key" in said
    assert "allowed here: examples, epochs, lr" in said


def test_a_recipe_of_the_other_kind_is_refused():
    with pytest.raises(ConfigError, match=r"kind: Input should be 'distil'"):
        load_recipe(find_recipe("cardnet"), DistilRecipe)


def test_keys_can_be_set_and_paths_are_seen_from_where_they_were_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    network = {**tiny_training.NETWORK, "weights": "backbone.safetensors"}
    path = tiny_training.recipe(tmp_path / "below" / "r.yaml", network=network)
    changes = parse_changes(["stages.0.lr=1e-4", "cards.free_art=art", "network.options.depth=3"])
    recipe = load_recipe(path, TrainRecipe, changes)
    assert recipe.stages[0].lr == 1e-4
    assert recipe.network.options["depth"] == 3
    assert recipe.cards.free_art == tmp_path / "art"
    assert recipe.network.weights == tmp_path / "below" / "backbone.safetensors"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("lr", "KEY=VALUE"),
        ("a..b=1", "KEY=VALUE"),
        ("batch=[1", "no value"),
        ("stages.4.lr=1", "a number from 0 to 0"),
        ("batch.x=1", "no keys below it"),
        ("color=1", "color: unknown key"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(tmp_path, word, said):
    path = tiny_training.recipe(tmp_path / "r.yaml")
    with pytest.raises(ConfigError, match=said):
        load_recipe(path, TrainRecipe, parse_changes([word]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stages.0.epochs": 3}, "either examples or epochs"),
        ({"stages.0.captures": {"clean": 0, "usual": 0, "hard": 0}}, "must be above 0"),
        ({"early_stopping": {"figure": "hard_cosine", "patience": 1}}, "needs a teacher"),
        ({"network.source": "cardnet"}, "cardnet has size 224 and head: own"),
        ({"network.head": "own"}, "only cardnet has a projection of its own"),
        ({"network.sha256": "12"}, "network.sha256"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(tmp_path, changes, said):
    with pytest.raises(ConfigError, match=said):
        load_recipe(tiny_training.recipe(tmp_path / "r.yaml"), TrainRecipe, changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"terms": {"cosine": 1}}, "mse and cosine are the same on unit vectors"),
        ({"terms": {"mse": 0, "arcface": 1}}, "at least one of mse, cosine"),
        ({"augment": {"cutmix": 0.5}}, "cutmix mixes labels"),
        ({"stages.0.imprint": True}, r"terms\.arcface above 0"),
    ],
)
def test_a_distillation_that_cannot_work_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        load_recipe(find_recipe("hailo"), DistilRecipe, changes)


def test_an_unknown_recipe_is_answered_with_those_there_are():
    with pytest.raises(ConfigError, match=r"nonesuch: neither .* android, box.* server"):
        find_recipe("nonesuch")


def test_differences_name_the_keys():
    assert list(differences({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 4}, "e": 5})) == [
        "a.c", "d", "e",
    ]  # fmt: skip
