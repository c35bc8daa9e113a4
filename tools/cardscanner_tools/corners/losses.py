"""How far the corner network's maps are from the targets."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from cardscanner.detect.corner_maps import CORNER, LYING, LYING_CORNERS, MIDDLE, OFFSET, STANDING_CORNERS


def corner_loss(
    maps: Tensor, heat: Tensor, offset: Tensor, lying: Tensor, corners: Tensor, weight: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """Return the loss and its parts; shapes are those of :class:`targets.Targets` with a batch in front."""
    cards = (heat[..., 0] == 1).sum().clamp(min=1)
    points = offset[..., 2].sum().clamp(min=1)
    middle = _focal(maps[..., MIDDLE], heat[..., 0]) / cards
    corner = _focal(maps[..., CORNER], heat[..., 1]) / points
    apart = F.smooth_l1_loss(maps[..., OFFSET], offset[..., :2], reduction="none", beta=0.1)
    at = (apart.sum(-1) * offset[..., 2]).sum() / points
    turn = F.binary_cross_entropy_with_logits(maps[..., LYING], lying[..., 0], reduction="none")
    inner = (weight.sum(-1) > 0).sum().clamp(min=1)
    turned = (turn * lying[..., 1]).sum() / inner
    away = F.smooth_l1_loss(
        torch.cat([maps[..., STANDING_CORNERS], maps[..., LYING_CORNERS]], -1),
        corners,
        reduction="none",
        beta=0.05,
    )
    far = (away[..., :8].mean(-1) * weight[..., 0] + away[..., 8:].mean(-1) * weight[..., 1]).sum() / cards
    parts = {"middle": middle, "corner": corner, "offset": at, "lying": turned, "far": far}
    loss = middle + 0.5 * corner + 0.5 * at + 0.5 * turned + 8.0 * far
    return loss, {name: float(value.detach()) for name, value in parts.items()}


def _focal(logits: Tensor, heat: Tensor) -> Tensor:
    """Penalty-reduced focal loss: Law and Deng, CornerNet (2018)."""
    logits = logits.float()
    right = heat == 1
    sure = logits.sigmoid()
    hit = (1 - sure) ** 2 * F.logsigmoid(logits) * right
    miss = (1 - heat) ** 4 * sure**2 * F.logsigmoid(-logits) * ~right
    return -(hit.sum() + miss.sum())
