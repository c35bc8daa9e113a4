"""Training and exporting the corner network, tiny: needs torch."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cardscanner.config import FinderConfig
from cardscanner.detect import open_finder
from cardscanner.detect.corner_maps import CHANNELS
from cardscanner_tools.corners import export, train
from cardscanner_tools.corners.losses import corner_loss
from cardscanner_tools.corners.network import CornerNet, FixedDepthwise
from cardscanner_tools.corners.pool import draw_pool
from cardscanner_tools.corners.targets import targets

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def front(tmp_path_factory) -> Path:
    """A checkpoint with the names of EfficientNet-Lite0, random."""
    torch.manual_seed(3)
    net = CornerNet()
    given: dict[str, torch.Tensor] = {}

    def take(part, convolution: str, norm: str) -> None:
        given[f"{convolution}.weight"] = part[1].weight.detach()
        given.update({f"{norm}.{name}": value for name, value in part[2].state_dict().items()})

    take(net.stem, "_conv_stem", "_bn0")
    for number, block in enumerate(net.blocks):
        prefix = f"_blocks.{number}."
        if block.expand is not None:
            take(block.expand, f"{prefix}_expand_conv", f"{prefix}_bn0")
        take(block.depthwise, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        take(block.project, f"{prefix}_project_conv", f"{prefix}_bn2")
    path = tmp_path_factory.mktemp("front") / "front.pth"
    torch.save(given, path)
    return path


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    return draw_pool(tmp_path_factory.mktemp("pool"), 2, 5, None, 1)


def options(out: Path, front: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    words = ["--out", str(out), "--front", str(front), "--views", "8", "--batch", "2", "--side", "64"]
    return parser.parse_args([*words, "--workers", "0", "--save-every", "1"])


def learn(given: argparse.Namespace, pool, steps: int) -> None:
    """Train up to a step as the command does, from wherever the last checkpoint was."""
    torch.manual_seed(0)
    out = train.Run(given, pool)
    out.resume()
    for step, _ in out.steps():
        out.save()
        if step == steps:
            break


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path, front, pool):
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    learn(options(tmp_path / "whole", front), pool, 4)
    learn(options(tmp_path / "stopped", front), pool, 2)
    learn(options(tmp_path / "stopped", front), pool, 4)
    one, two = (load_file(tmp_path / name / "corners.safetensors") for name in ("whole", "stopped"))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("stride", [1, 2])
def test_the_gradient_through_a_fixed_depthwise_layer_is_torchs_own(stride):
    torch.manual_seed(1)
    padding = 2 if stride == 1 else 0
    fixed = FixedDepthwise(6, 6, 5, stride, padding, groups=6, bias=False).double()
    planes = torch.randn(2, 6, 19, 23, dtype=torch.double, requires_grad=True)
    plain = torch.nn.functional.conv2d(planes, fixed.weight, stride=stride, padding=padding, groups=6)
    (wanted,) = torch.autograd.grad(plain.square().sum(), planes)
    (given,) = torch.autograd.grad(fixed(planes).square().sum(), planes)
    assert torch.allclose(wanted, given)


def test_an_exact_answer_costs_less_than_any_other():
    outline = np.array([[60, 40], [123, 40], [123, 128], [60, 128]], np.float32)
    wanted = targets(outline[None], np.array([False]), 24, 24)
    parts = [
        torch.from_numpy(part)[None]
        for part in (wanted.heat, wanted.offset, wanted.lying, wanted.corners, wanted.weight)
    ]
    exact = torch.zeros(1, 24, 24, CHANNELS)
    exact[..., :2] = torch.where(parts[0] == 1, 8.0, -8.0)
    exact[..., 2] = parts[2][..., 0] * 16 - 8
    exact[..., 3:5] = parts[1][..., :2]
    exact[..., 5:] = parts[3]
    best = float(corner_loss(exact, *parts)[0])
    assert best < 0.2
    for channel in (0, 1, 2, 3, 5):
        worse = exact.clone()
        worse[..., channel] = worse[..., channel] * 0.3 + 1
        assert float(corner_loss(worse, *parts)[0]) > best


@pytest.mark.parametrize("bits", ["float", "8 bits"])
def test_what_is_exported_opens_as_a_finder(tmp_path, front, pool, bits):
    (tmp_path / "run").mkdir()
    learn(options(tmp_path / "run", front), pool, 1)
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    words = [
        "--weights",
        str(tmp_path / "run" / "corners.safetensors"),
        "--version",
        "9",
        "--out",
        str(tmp_path),
    ]
    if bits == "8 bits":
        words += ["--pool", str(pool[0].path.parent)]
    assert export.run(parser.parse_args(words)) == 0
    finder = open_finder(FinderConfig(backend="corners", model=tmp_path / "corners" / "9"))
    assert isinstance(finder.find(np.zeros((90, 120, 3), np.uint8)), list)
