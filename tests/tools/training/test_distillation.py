"""What a student learns from. Needs torch."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import tiny_training
import torch
from torch.nn import functional

from cardscanner_tools.training import distillation
from cardscanner_tools.training.agreement import Agreement
from cardscanner_tools.training.augment_settings import NO_AUGMENTATION
from cardscanner_tools.training.captures import Drawing, Views, clean, collate_views
from cardscanner_tools.training.networks import build
from cardscanner_tools.training.pool import Pool, render_pool
from cardscanner_tools.training.recipe import CaptureMix, Terms
from cardscanner_tools.training.recipe_network import NetworkEntry
from cardscanner_tools.training.tasks import Distilling
from cardscanner_tools.training.validation import Validation

pytestmark = pytest.mark.train

ENTRY = NetworkEntry.model_validate(tiny_training.NETWORK)
ONLY_RELATIONS = {"mse": 0.0, "cosine": 0.0}


def unit(rows: int, dim: int = 8) -> torch.Tensor:
    return functional.normalize(torch.randn(rows, dim), dim=1)


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> Pool:
    return render_pool(tmp_path_factory.mktemp("pool"), 12, 3, None, None)


def views(pool: Pool, **options) -> Views:
    drawing = Drawing(pool, 5, CaptureMix(), NO_AUGMENTATION)
    return Views(drawing, 32, 48, **{"clean_teacher": False, "labels": False, **options})


def test_squared_distance_and_cosine_are_the_same_up_to_a_factor_of_two():
    torch.manual_seed(0)
    student, teacher = unit(5), unit(5)
    squared = distillation.squared_distance(student, teacher)
    assert squared.item() == pytest.approx(
        2 * distillation.cosine_distance(student, teacher).item(), rel=1e-5
    )
    assert distillation.distillation_loss(student, teacher, Terms()).item() == pytest.approx(squared.item())


@pytest.mark.parametrize("term", ["rkd_distance", "rkd_angle"])
def test_relations_do_not_change_when_all_vectors_are_turned_together(term):
    torch.manual_seed(0)
    teacher = unit(6)
    turn, _ = torch.linalg.qr(torch.randn(8, 8))
    terms = Terms.model_validate({**ONLY_RELATIONS, term: 2.0})
    assert distillation.distillation_loss(teacher @ turn, teacher, terms).item() == pytest.approx(0, abs=1e-6)
    assert distillation.distillation_loss(unit(6), teacher, terms).item() > 1e-3


def test_relational_terms_are_those_of_the_paper():
    torch.manual_seed(0)
    student, teacher = unit(4), unit(4)

    def distances(vectors):
        pairs = [(vectors[i] - vectors[j]).norm() for i in range(4) for j in range(i + 1, 4)]
        return torch.stack(pairs) / torch.stack(pairs).mean()

    def angles(vectors):
        def at(i, j, k):
            one, other = vectors[j] - vectors[i], vectors[k] - vectors[i]
            if i in {j, k}:
                return torch.tensor(0.0)
            return (one @ other) / one.norm() / other.norm()

        return torch.stack([at(i, j, k) for i in range(4) for j in range(4) for k in range(4)])

    for ours, theirs in ((distillation.rkd_distance, distances), (distillation.rkd_angle, angles)):
        wanted = functional.smooth_l1_loss(theirs(student), theirs(teacher)).item()
        assert ours(student, teacher).item() == pytest.approx(wanted, rel=1e-4)


def test_two_equal_crops_do_not_break_the_gradient():
    student = unit(3)
    student[1] = student[0]
    student.requires_grad_()
    terms = Terms(rkd_distance=1, rkd_angle=1)
    distillation.distillation_loss(student, unit(3), terms).backward()
    assert torch.isfinite(student.grad).all()


def test_the_teacher_sees_the_students_capture_at_its_own_size_or_the_clean_face(pool):
    crop, shown = views(pool)[7]
    assert (crop.shape, shown.shape) == ((32, 32, 3), (48, 48, 3))
    small = shown.reshape(24, 2, 24, 2, 3).mean(axis=(1, 3))
    other = views(pool)[8][1].reshape(24, 2, 24, 2, 3).mean(axis=(1, 3))
    same_view = Views(views(pool).drawing, 24, 48, clean_teacher=False, labels=False)[7][0]
    assert np.abs(small - same_view).mean() < np.abs(other - same_view).mean() / 2
    _, face = views(pool, clean_teacher=True)[7]
    row = views(pool).drawing.choose(7)[1]
    assert np.array_equal(face, clean(np.array(pool.faces[row]), 48))


def test_in_the_pure_mode_a_batch_holds_no_labels_and_changing_them_changes_nothing(pool):
    batch = collate_views([views(pool)[number] for number in range(4)])
    assert [tuple(each.shape) for each in batch] == [(4, 32, 32, 3), (4, 48, 48, 3)]
    relabelled = Pool(pool.folder, np.zeros_like(pool.labels))
    again = collate_views([views(relabelled)[number] for number in range(4)])
    assert all(torch.equal(*pair) for pair in zip(batch, again, strict=True))
    with_labels = views(pool, labels=True)[0]
    assert with_labels[2] in pool.labels


def test_distillation_lowers_the_squared_distance_to_the_teacher(pool):
    torch.manual_seed(0)
    teacher = build(ENTRY.model_copy(update={"size": 48})).eval()
    learner = Distilling(build(ENTRY), Terms(), None)
    optimizer = torch.optim.AdamW(learner.parameters(), lr=3e-3)
    crops, shown = collate_views([views(pool)[number] for number in range(8)])
    with torch.no_grad():
        wanted = teacher(shown)
    losses = []
    for _ in range(25):
        loss, figures = learner(crops, wanted)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]
    assert figures["train_cosine"].item() == pytest.approx(1 - losses[-1] / 2, abs=1e-3)


def test_a_copy_of_the_teacher_agrees_with_it_fully_and_another_network_does_not():
    torch.manual_seed(0)
    teacher = build(ENTRY).eval()
    validation = Validation.render(7, 8, 32)
    agreement = Agreement(validation, validation, teacher)
    same = agreement.measure(copy.deepcopy(teacher))
    other = agreement.measure(build(ENTRY))
    for style in ("usual", "hard"):
        assert same[f"{style}_cosine"] == pytest.approx(1, abs=1e-5)
        assert same[f"{style}_cosine_p5"] == pytest.approx(1, abs=1e-5)
        assert same[f"{style}_behind"] == 0
        assert other[f"{style}_cosine"] < 0.95
        assert math.isfinite(other[f"{style}_behind"])
