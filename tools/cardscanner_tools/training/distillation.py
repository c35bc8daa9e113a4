"""Losses between a student's and a teacher's embeddings of the same cards.

Regression of the teacher's vectors works surprisingly well for retrieval (Budnik & Avrithis, Asymmetric
Metric Learning, CVPR 2021); relations: Park et al., Relational Knowledge Distillation (CVPR 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from cardscanner_tools.training.recipe import Terms

_CLOSE = 1e-12


def distillation_loss(student: Tensor, teacher: Tensor, terms: Terms) -> Tensor:
    """Return the weighted sum of the terms; both inputs are (B, dim) of unit length."""
    parts = [
        (terms.mse, squared_distance),
        (terms.cosine, cosine_distance),
        (terms.rkd_distance, rkd_distance),
        (terms.rkd_angle, rkd_angle),
    ]
    with torch.autocast(student.device.type, enabled=False):
        given, wanted = student.float(), teacher.float()
        losses = [weight * loss(given, wanted) for weight, loss in parts if weight]
        return torch.stack(losses).sum()


def squared_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error times the dimension: the squared distance, so that its size depends on no width."""
    return F.mse_loss(student, teacher) * student.shape[1]


def cosine_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean of 1 - cos."""
    return 1 - (student * teacher).sum(dim=1).mean()


def rkd_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Smooth L1 between the distances within the batch, each set in units of its mean."""
    return F.smooth_l1_loss(_relative_distances(student), _relative_distances(teacher))


def rkd_angle(student: Tensor, teacher: Tensor) -> Tensor:
    """Smooth L1 between the cosines of the angles of all triples in the batch; memory grows as B^3."""
    return F.smooth_l1_loss(_angles(student), _angles(teacher))


def _relative_distances(vectors: Tensor) -> Tensor:
    rows, columns = torch.triu_indices(len(vectors), len(vectors), offset=1, device=vectors.device)
    # The root's slope is infinite at 0, where two crops of a batch may well be.
    distances = (vectors[rows] - vectors[columns]).square().sum(dim=1).clamp(min=_CLOSE).sqrt()
    return distances / distances.mean()


def _angles(vectors: Tensor) -> Tensor:
    """(B, dim) -> (B, B, B): the cosine at corner i between the directions to j and k."""
    directions = F.normalize(vectors[None, :, :] - vectors[:, None, :], dim=2)
    return directions @ directions.transpose(1, 2)
