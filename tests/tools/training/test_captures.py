"""Examples, their sharing among processes, the schedule. Needs torch."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_training
import torch

from cardscanner_tools.training.captures import Captures, CollateCaptures, Drawing, Share, loader
from cardscanner_tools.training.network import SIDE, CardNet
from cardscanner_tools.training.pool import render_pool
from cardscanner_tools.training.progress import learning_rate, margin, steps_of
from cardscanner_tools.training.recipe import Stage, TrainRecipe
from cardscanner_tools.training.recipe_files import load_recipe
from cardscanner_tools.training.tasks import Classification

pytestmark = pytest.mark.train


def test_any_crop_becomes_a_unit_vector_and_the_front_never_changes():
    net = CardNet()
    net.train()
    vectors = net(torch.randint(0, 256, (3, SIDE, SIDE, 3), dtype=torch.uint8))
    assert vectors.shape == (3, 768)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-5)
    assert not any(each.training for each in (net.stem, net.blocks))
    assert sum(each.numel() for each in net.parameters()) * 4 < 20e6


def test_reprints_that_differ_only_in_number_are_one_class_and_a_finished_pool_is_opened_again(tmp_path):
    pool = render_pool(tmp_path, 30, 1, None, None)
    written = (tmp_path / "faces.npy").stat().st_mtime_ns
    again = render_pool(tmp_path, 30, 1, None, None)
    assert (tmp_path / "faces.npy").stat().st_mtime_ns == written
    assert len(pool.faces) == len(pool.labels) == 30
    assert np.array_equal(pool.labels, again.labels)
    assert pool.classes <= 30
    other = render_pool(tmp_path, 31, 1, None, None)
    assert len(other.faces) == 31


@pytest.mark.parametrize(("parts", "ranks"), [(1, 1), (2, 1), (1, 4), (2, 2)])
def test_the_shares_of_all_processes_are_together_every_example_once(parts, ranks):
    shares = [list(Share(100, 3, 8, parts, rank, ranks)) for rank in range(ranks)]
    for step in range(3):
        numbers = [n for share in shares for part in share[step * parts : (step + 1) * parts] for n in part]
        assert sorted(numbers) == list(range(100 + 8 * step, 108 + 8 * step))


def test_worker_processes_draw_the_same_examples_as_the_main_one(tmp_path):
    recipe = load_recipe(tiny_training.recipe(tmp_path / "r.yaml"), TrainRecipe, {"augment": {"cutmix": 1.0}})
    drawing = Drawing(render_pool(tmp_path, 12, 3, None, None), 5, recipe.stages[0].captures, recipe.augment)
    before = torch.get_rng_state()
    alone, helped = (
        list(loader(Captures(drawing, 32), Share(4, 2, 4), CollateCaptures(5, recipe.augment), workers))
        for workers in (0, 1)
    )
    for one, other in zip(alone, helped, strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))
    assert alone[0][3] < 1
    assert torch.equal(torch.get_rng_state(), before)


def test_the_rate_warms_up_and_falls_and_the_margin_grows():
    stage = Stage(examples=1000, lr=1.0, lr_floor=0.1, warmup_steps=10, margin_warmup=0.1)
    steps = steps_of(stage, faces=50, batch=10)
    rates = [learning_rate(stage, step, steps) for step in range(steps)]
    assert steps == 100
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1, abs=0.03)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)
    margins = [margin(stage, 0.5, step, steps) for step in (0, 5, 10, 99)]
    assert margins == pytest.approx([0, 0.25, 0.5, 0.5])
    assert steps_of(Stage(epochs=3), faces=50, batch=10) == 15


def test_cutmix_asks_for_both_classes_in_their_shares(tmp_path):
    recipe = load_recipe(tiny_training.recipe(tmp_path / "r.yaml"), TrainRecipe)
    torch.manual_seed(0)
    task = Classification(recipe)
    learner = task.learner(5).eval()
    crops = torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8)
    labels, others = torch.tensor([0, 1, 2, 3]), torch.tensor([4, 3, 0, 1])
    mixed, _ = learner(crops, labels, others, torch.tensor(0.7))
    one, _ = learner(crops, labels, labels, torch.tensor(1.0))
    other, _ = learner(crops, others, others, torch.tensor(1.0))
    assert mixed.item() == pytest.approx(0.7 * one.item() + 0.3 * other.item(), rel=1e-5)
