"""ArcFace: classification whose classes are pushed apart by an angle.

Deng et al., ArcFace: Additive Angular Margin Loss for Deep Face Recognition (CVPR 2019, arXiv 1801.07698).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention


class ArcFace(nn.Module):
    """Cross-entropy over ``scale * cos``, the angle to the right class enlarged by ``margin`` radians."""

    def __init__(self, dim: int, classes: int, scale: float = 30.0, margin: float = 0.3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dim))
        nn.init.normal_(self.weight, std=0.01)
        self.scale = scale
        self.margin = margin

    def forward(self, vectors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and the share of vectors nearest to their own class.

        ``vectors`` are (B, dim) of unit length, ``labels`` (B,) class numbers.
        """
        cosines = vectors @ F.normalize(self.weight, dim=1).T
        own = cosines.gather(1, labels[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
        # cos(angle + margin) falls until angle + margin = pi; beyond that a straight line keeps it falling.
        limit = torch.cos(torch.tensor(torch.pi - self.margin))
        moved = torch.cos(torch.acos(own) + self.margin)
        straight = own - self.margin * torch.sin(torch.tensor(self.margin))
        target = torch.where(own > limit, moved, straight)
        logits = self.scale * cosines.scatter(1, labels[:, None], target)
        right = (cosines.argmax(dim=1) == labels).float().mean()
        return F.cross_entropy(logits, labels), right
