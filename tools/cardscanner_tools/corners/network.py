"""The corner network: EfficientNet-Lite0 down to stride 32, features joined upwards, maps at stride 8.

Only convolutions, batch norm, ReLU6, nearest-neighbour enlargement and additions: every layer is one that the
Hailo model zoo compiles, and that loses little at 8 bits. Joining upwards: Lin et al., Feature Pyramid
Networks (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from cardscanner.detect.corner_maps import CHANNELS

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
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
)
_TAPS = (4, 10, 14)
"""The last blocks at strides 8, 16 and 32."""
FROZEN_BLOCKS = 3
"""Stem and first blocks (strides 2 and 4) stay as ImageNet made them: they cost most to train."""


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


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution whose weights are given; its backward pass is one more forward pass.

    PyTorch's own backward pass of these layers takes six times as long on a CPU as everything else together.
    """

    @staticmethod
    def forward(ctx: Any, planes: Tensor, weight: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.stride, ctx.size = stride, planes.shape[2:]
        return F.conv2d(planes, weight, stride=stride, groups=weight.shape[0])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        if ctx.stride == 2:
            rows, columns = grad.shape[2:]
            apart = grad.new_zeros((*grad.shape[:2], 2 * rows - 1, 2 * columns - 1))
            apart = apart.to(memory_format=torch.channels_last)
            apart[:, :, ::2, ::2] = grad
            grad = apart
        reach = weight.shape[-1] - 1
        grad = F.conv2d(F.pad(grad, (reach,) * 4), weight.flip(2, 3), groups=weight.shape[0])
        height, width = ctx.size
        return F.pad(grad, (0, width - grad.shape[3], 0, height - grad.shape[2])), None, None


class FixedDepthwise(nn.Conv2d):
    """A depthwise convolution that is not trained, but lets what is below it be."""

    def forward(self, planes: Tensor) -> Tensor:
        """Convolve; the gradient reaches ``planes`` only."""
        if not torch.is_grad_enabled():
            return super().forward(planes)
        padded = F.pad(planes, (self.padding[0],) * 4)
        result: Tensor = _Depthwise.apply(padded, self.weight.to(planes.dtype), self.stride[0])
        return result


class Block(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, inputs: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        wide = inputs * stage.expand
        self.expand = convolve(inputs, wide) if stage.expand > 1 else None
        self.depthwise = convolve(wide, wide, stage.kernel, stride, groups=wide, conv=FixedDepthwise)
        self.depthwise[1].requires_grad_(requires_grad=False)
        self.project = convolve(wide, stage.channels)
        self.skip = stride == 1 and inputs == stage.channels

    def forward(self, planes: Tensor) -> Tensor:
        """Return the planes of the next block."""
        out = F.relu6(self.expand(planes)) if self.expand is not None else planes
        out = self.project(F.relu6(self.depthwise(out)))
        return out + planes if self.skip else out


class CornerNet(nn.Module):
    """(B, H, W, 3) uint8, H and W multiples of 32 -> (B, H / 8, W / 8, CHANNELS)."""

    def __init__(self, wide: int = 80) -> None:
        super().__init__()
        self.stem = convolve(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        channels, widths = 32, list[int]()
        for stage in _STAGES:
            for repeat in range(stage.repeats):
                blocks.append(Block(channels, stage, stage.stride if repeat == 0 else 1))
                channels = stage.channels
                widths.append(channels)
        self.blocks = nn.ModuleList(blocks)
        self.lateral = nn.ModuleList(convolve(widths[tap], wide) for tap in _TAPS)
        self.smooth = nn.ModuleList(convolve(wide, wide, 3) for _ in _TAPS)
        self.head = nn.ModuleList([convolve(wide, wide, 3), convolve(wide, wide, 3)])
        self.maps = nn.Conv2d(wide, CHANNELS, 1)
        nn.init.normal_(self.maps.weight, std=0.01)
        nn.init.zeros_(self.maps.bias)
        with torch.no_grad():
            self.maps.bias[:2] = -4.0  # most cells are no middle and no corner
        self.frozen = [self.stem, *self.blocks[:FROZEN_BLOCKS]]
        for part in self.frozen:
            part.requires_grad_(requires_grad=False)

    def train(self, mode: bool = True) -> CornerNet:  # noqa: FBT001, FBT002 - torch's signature
        """Switch to training mode; batch norms of the backbone keep ImageNet's statistics."""
        super().train(mode)
        for part in (self.stem, self.blocks):
            for module in part.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the maps of :mod:`cardscanner.detect.corner_maps`."""
        planes = (pictures.permute(0, 3, 1, 2).float() - _MEAN) / _SCALE
        return self.planes(planes).permute(0, 2, 3, 1)

    def planes(self, planes: Tensor) -> Tensor:
        """(B, 3, H, W) scaled pixels -> (B, CHANNELS, H / 8, W / 8)."""
        planes = F.relu6(self.stem(planes))
        taps: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            planes = block(planes)
            if number in _TAPS:
                taps.append(planes)
        eight, sixteen, thirty_two = (lateral(tap) for lateral, tap in zip(self.lateral, taps, strict=True))
        deep = F.relu6(self.smooth[2](F.relu6(thirty_two)))
        middle = F.relu6(
            self.smooth[1](F.relu6(sixteen + F.interpolate(deep, scale_factor=2.0, mode="nearest")))
        )
        fine = F.relu6(
            self.smooth[0](F.relu6(eight + F.interpolate(middle, scale_factor=2.0, mode="nearest")))
        )
        for layer in self.head:
            fine = F.relu6(layer(fine))
        return self.maps(fine)


def load_imagenet(net: CornerNet, weights: Path) -> None:
    """Copy the backbone from the EfficientNet-Lite0 checkpoint (Apache-2.0), see :mod:`training.network`."""
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
