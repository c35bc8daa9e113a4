"""The first embedder: a frozen EfficientNet-Lite0 front and a tail of our own that keeps the layout.

A rectified card is aligned, so *where* something is printed identifies it as much as *what*: the tail
flattens a 7 x 7 grid instead of averaging it away. The front stops in the 14 x 14 stage; deeper, more
"semantic" features were worse at telling cards apart (docs/experiments.md). It is not trained further, so it
stays as general as ImageNet made it although we only show it drawn cards; the tail is plain convolutions,
which train several times faster on a CPU than depthwise ones and quantise well.

Every layer is a convolution, batch norm, ReLU6 or fully connected.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from cardscanner_tools.efficientnet_lite0 import MEAN, SCALE, STAGES, STEM, blocks_of, convolve

DIM = 768
SIDE = 224
_FRONT = STAGES[:4]


class _Residual(nn.Module):
    """Two plain 3 x 3 convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolve(channels, channels, 3)
        self.second = convolve(channels, channels, 3)

    def forward(self, planes: Tensor) -> Tensor:
        return F.relu6(planes + self.second(F.relu6(self.first(planes))))


class CardNet(nn.Module):
    """(B, 224, 224, 3) uint8 RGB -> (B, 768) unit vectors."""

    def __init__(self, dim: int = DIM) -> None:
        super().__init__()
        self.stem = convolve(3, STEM, 3, 2)
        self.blocks = nn.Sequential(*blocks_of(_FRONT))
        self.widen = convolve(_FRONT[-1].channels, 160, 3)
        self.mix = _Residual(160)
        self.reduce = convolve(160, 192, 3, 2)
        self.squeeze = convolve(192, 64)
        self.project = nn.Linear(64 * 7 * 7, dim, bias=False)
        self.centre = nn.BatchNorm1d(dim)
        for part in (self.stem, self.blocks):
            part.requires_grad_(requires_grad=False)

    def train(self, mode: bool = True) -> CardNet:  # noqa: FBT001, FBT002 - torch's signature
        """Switch the tail to training mode; the front never leaves evaluation mode."""
        super().train(mode)
        self.stem.eval()
        self.blocks.eval()
        return self

    def features(self, crops: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 -> (B, dim), not normalised: what the HEF will give."""
        planes = (crops.permute(0, 3, 1, 2).float() - MEAN) / SCALE
        with torch.no_grad():
            planes = self.blocks(F.relu6(self.stem(planes)))
        planes = self.mix(F.relu6(self.widen(planes)))
        planes = F.relu6(self.squeeze(F.relu6(self.reduce(planes))))
        return self.centre(self.project(planes.flatten(1)))

    def forward(self, crops: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 -> (B, dim) unit vectors."""
        return F.normalize(self.features(crops).float(), dim=1)
