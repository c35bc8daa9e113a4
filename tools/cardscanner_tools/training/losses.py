"""ArcFace: classification whose classes are pushed apart by an angle.

Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition (CVPR 2019, arXiv 1801.07698);
sub-centres: Deng et al., Sub-center ArcFace (ECCV 2020).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

NO_CLASS = -1
"""Label of an example that shows no card."""


class ArcFace(nn.Module):
    """Cross-entropy over ``scale * cos``, the angle to the right class enlarged by ``margin`` radians.

    Examples of no class are pushed away from the classes they come near: their loss is the log-sum-exp of
    their logits over what it would be at right angles to every class (in the spirit of Dhamija, Gunther and
    Boult, Reducing Network Agnostophobia, NeurIPS 2018).

    With ``centres`` > 1 a class has that many directions and the nearest one counts: room for wrong labels,
    or for cards that exist plain and as foil.
    """

    def __init__(
        self, dim: int, classes: int, scale: float = 30.0, margin: float = 0.3, centres: int = 1
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes * centres, dim))
        nn.init.normal_(self.weight, std=0.01)
        self.scale = scale
        self.margin = margin
        self.centres = centres

    def forward(self, vectors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and the share of cards' vectors nearest to their own class.

        ``vectors`` are (B, dim) of unit length, ``labels`` (B,) class numbers or :data:`NO_CLASS`.
        """
        with torch.autocast(vectors.device.type, enabled=False):  # bf16 knows cosines to 0.004 only
            cosines = self.cosines(vectors.float())
            known = labels != NO_CLASS
            near = self.scale * cosines[~known]
            cosines, classes = cosines[known], labels[known]
            own = cosines.gather(1, classes[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
            logits = self.scale * cosines.scatter(1, classes[:, None], self._moved(own))
            loss = F.cross_entropy(logits, classes, reduction="sum")
            nowhere = (near.logsumexp(dim=1) - math.log(cosines.shape[1])).clamp(min=0).sum()
            right = (cosines.argmax(dim=1) == classes).float().sum() / known.sum().clamp(min=1)
            return (loss + nowhere) / len(labels), right

    def cosines(self, vectors: Tensor) -> Tensor:
        """(B, dim) unit vectors -> (B, classes) cosines to the nearest centre of each class."""
        each = vectors @ F.normalize(self.weight, dim=1).T
        return each.unflatten(1, (-1, self.centres)).amax(dim=2) if self.centres > 1 else each

    @torch.no_grad()
    def imprint(self, vectors: Tensor) -> None:
        """Start every class at a direction (classes, dim) that is known; sub-centres a little beside it.

        Qi et al., Low-Shot Learning with Imprinted Weights (CVPR 2018).
        """
        known = F.normalize(vectors, dim=1).repeat_interleave(self.centres, dim=0)
        if self.centres > 1:
            known = F.normalize(known + 0.01 * torch.randn_like(known), dim=1)
        # Shorter than 1: the shorter a weight, the faster a step turns it.
        self.weight.copy_(0.3 * known)

    def _moved(self, own: Tensor) -> Tensor:
        # cos(angle + margin) falls until angle + margin = pi; beyond that a straight line keeps it falling.
        limit = torch.cos(torch.tensor(torch.pi - self.margin))
        moved = torch.cos(torch.acos(own) + self.margin)
        straight = own - self.margin * torch.sin(torch.tensor(self.margin))
        return torch.where(own > limit, moved, straight)
