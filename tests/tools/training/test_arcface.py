"""ArcFace against its formula, and its sub-centres. Needs torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cardscanner_tools.training.losses import ArcFace

pytestmark = pytest.mark.train


def unit(rows: int, dim: int = 8) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(rows, dim), dim=1)


def by_the_formula(loss: ArcFace, vectors: torch.Tensor, labels: list[int]) -> float:
    """Angle by angle, as the paper writes it; sub-centres: the nearest one of each class."""
    centres = loss.weight.detach().numpy().astype(np.float64)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    total = 0.0
    for vector, label in zip(vectors.numpy().astype(np.float64), labels, strict=True):
        nearest = (centres @ vector).reshape(-1, loss.centres).max(axis=1)
        angle = math.acos(nearest[label])
        if angle + loss.margin < math.pi:
            own = math.cos(angle + loss.margin)
        else:
            own = nearest[label] - loss.margin * math.sin(loss.margin)
        logits = loss.scale * nearest
        logits[label] = loss.scale * own
        total += np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[label]
    return total / len(labels)


@pytest.mark.parametrize("centres", [1, 3])
@pytest.mark.parametrize(("scale", "margin"), [(64, 0.5), (30, 0.3), (16, 0)])
def test_the_loss_is_that_of_the_formula(centres, scale, margin):
    torch.manual_seed(0)
    loss = ArcFace(8, 5, scale, margin, centres)
    vectors = unit(6)
    vectors[5] = -torch.nn.functional.normalize(loss.weight[4 * centres], dim=0).detach()
    labels = [0, 1, 2, 3, 4, 4]
    given, _ = loss(vectors, torch.tensor(labels))
    assert given.item() == pytest.approx(by_the_formula(loss, vectors, labels), rel=1e-4)


def test_a_class_is_as_near_as_the_nearest_of_its_centres_and_only_that_one_learns():
    torch.manual_seed(0)
    loss = ArcFace(8, 2, 16, 0.0, centres=3)
    vectors = torch.nn.functional.normalize(loss.weight[[1]].detach(), dim=1)
    assert loss.cosines(vectors)[0, 0].item() == pytest.approx(1)
    slightly_off = torch.nn.functional.normalize(vectors + 0.1 * unit(1), dim=1)
    given, right = loss(slightly_off, torch.tensor([0]))
    given.backward()
    moved = loss.weight.grad.norm(dim=1)
    assert right == 1
    assert moved[1] > 0
    assert moved[0] == moved[2] == 0


def test_the_margin_makes_the_loss_of_a_right_answer_larger():
    torch.manual_seed(1)
    loss = ArcFace(8, 5, margin=0.0)
    labels = torch.tensor([0, 1, 2])
    vectors = torch.nn.functional.normalize(loss.weight[labels].detach(), dim=1)
    plain, right = loss(vectors, labels)
    loss.margin = 0.5
    strict, _ = loss(vectors, labels)
    assert right == 1
    assert strict > plain


@pytest.mark.parametrize("centres", [1, 3])
def test_imprinted_classes_know_their_vectors_at_once(centres):
    torch.manual_seed(2)
    loss, vectors = ArcFace(8, 5, centres=centres), unit(5)
    loss.imprint(3 * vectors)
    assert torch.allclose(loss.cosines(vectors).diagonal(), torch.ones(5), atol=0.01)
    assert len(torch.unique(loss.weight.detach(), dim=0)) == 5 * centres
