"""The corner network: EfficientNet-Lite0 down to stride 32, features joined upwards, maps at stride 8.

Only convolutions, batch norm, ReLU6, nearest-neighbour enlargement and additions: every layer is one that the
Hailo model zoo compiles, and that loses little at 8 bits. Joining upwards: Lin et al., Feature Pyramid
Networks (2017).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from cardscanner.detect.corner_maps import CHANNELS
from cardscanner_tools.efficientnet_lite0 import MEAN, SCALE, STAGES, STEM, blocks_of, convolve

_TAPS = (4, 10, 14)
"""The last blocks at strides 8, 16 and 32."""
FROZEN_BLOCKS = 3
"""Stem and first blocks (strides 2 and 4) stay as ImageNet made them: they cost most to train."""


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


class CornerNet(nn.Module):
    """(B, H, W, 3) uint8, H and W multiples of 32 -> (B, H / 8, W / 8, CHANNELS)."""

    def __init__(self, wide: int = 80) -> None:
        super().__init__()
        self.stem = convolve(3, STEM, 3, 2)
        blocks = blocks_of(STAGES, FixedDepthwise)
        for block in blocks:
            block.depthwise[1].requires_grad_(requires_grad=False)
        self.blocks = nn.ModuleList(blocks)
        widths = [stage.channels for stage in STAGES for _ in range(stage.repeats)]
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
        planes = (pictures.permute(0, 3, 1, 2).float() - MEAN) / SCALE
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
