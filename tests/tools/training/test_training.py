"""The trainer of the first model, in miniature: drawn cards, a random front, a few steps. Needs torch."""

from __future__ import annotations

import csv
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.manifest import load_model_manifest
from cardscanner_tools.cli import main
from cardscanner_tools.training.losses import ArcFace
from cardscanner_tools.training.network import SIDE, CardNet
from cardscanner_tools.training.pool import render_pool

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def front(tmp_path_factory) -> Path:
    """A checkpoint with the names and shapes of the real one and random numbers in it."""
    torch.manual_seed(0)
    net = CardNet()
    given = named_like_the_checkpoint(net.stem, "_conv_stem", "_bn0")
    for number, block in enumerate(net.blocks):
        prefix = f"_blocks.{number}."
        if block.expand is not None:
            given |= named_like_the_checkpoint(block.expand, f"{prefix}_expand_conv", f"{prefix}_bn0")
        given |= named_like_the_checkpoint(block.depthwise, f"{prefix}_depthwise_conv", f"{prefix}_bn1")
        given |= named_like_the_checkpoint(block.project, f"{prefix}_project_conv", f"{prefix}_bn2")
    path = tmp_path_factory.mktemp("front") / "front.pth"
    torch.save(given, path)
    return path


def named_like_the_checkpoint(part, convolution, norm):
    weights = {f"{norm}.{name}": value for name, value in part[2].state_dict().items()}
    return weights | {f"{convolution}.weight": part[1].weight.data}


def train(out: Path, front: Path, examples: int) -> int:
    return main(
        ["train", "--out", str(out), "--front", str(front), "--cards", "12", "--examples", str(examples),
         "--batch", "4", "--save-every", "1", "--validate-every", "100", "--validation-cards", "16"]
    )  # fmt: skip


def logged(out: Path) -> list[dict[str, str]]:
    with (out / "log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_any_crop_becomes_a_unit_vector_and_the_front_never_changes():
    net = CardNet()
    net.train()
    crops = torch.randint(0, 256, (3, SIDE, SIDE, 3), dtype=torch.uint8)
    vectors = net(crops)
    assert vectors.shape == (3, 768)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3), atol=1e-5)
    frozen = [*net.stem.parameters(), *net.blocks.parameters()]
    assert not any(each.requires_grad for each in frozen)
    assert not any(each.training for each in (net.stem, net.blocks))
    assert sum(each.numel() for each in net.parameters()) * 4 < 20e6


def test_the_margin_makes_the_loss_of_a_right_answer_larger():
    torch.manual_seed(1)
    loss = ArcFace(8, 5, margin=0.0)
    labels = torch.tensor([0, 1, 2])
    vectors = torch.nn.functional.normalize(loss.weight[labels].detach(), dim=1)
    plain, right = loss(vectors, labels)
    loss.margin = 0.5
    strict, _ = loss(vectors, labels)
    assert right == 1
    assert strict > plain


def test_reprints_that_differ_only_in_number_are_one_class_and_a_finished_pool_is_opened_again(tmp_path):
    pool = render_pool(tmp_path, 30, 1, None, None)
    written = (tmp_path / "faces.npy").stat().st_mtime_ns
    again = render_pool(tmp_path, 30, 1, None, None)
    assert (tmp_path / "faces.npy").stat().st_mtime_ns == written
    assert len(pool.faces) == len(pool.labels) == 30
    assert np.array_equal(pool.labels, again.labels)
    assert pool.classes <= 30
    other = render_pool(tmp_path, 31, 1, None, None)
    assert len(other.faces) == 31


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path, front, capsys):
    assert train(tmp_path, front, 8) == 0
    first = torch.load(tmp_path / "last.pt", weights_only=True)
    assert first["step"] == 2
    assert train(tmp_path, front, 16) == 0
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == 4
    assert [row["step"] for row in logged(tmp_path)] == ["2", "4"]
    for name, value in first["net"].items():
        if name.startswith(("stem.", "blocks.")):
            assert torch.equal(value, torch.load(tmp_path / "last.pt", weights_only=True)["net"][name])


def test_an_exported_network_is_a_model_that_the_scanner_loads_and_that_answers_like_torch(tmp_path, front):
    assert train(tmp_path / "run", front, 4) == 0
    weights = tmp_path / "run" / "cardnet.safetensors"
    arguments = ["export", "--weights", str(weights), "--version", "0.0.1", "--out", str(tmp_path / "models")]
    assert main(arguments) == 0
    folder = tmp_path / "models" / "cardnet" / "0.0.1"
    manifest = load_model_manifest(folder)
    assert (manifest.dim, manifest.input.height, manifest.input.width) == (768, SIDE, SIDE)
    crops = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 3), dtype=np.uint8)
    with closing(load_embedder(OnnxConfig(backend="onnx", model=folder))) as embedder:
        vectors = embedder.embed(crops)
    net = CardNet()
    net.load_state_dict(load_file(weights))
    net.eval()
    with torch.no_grad():
        assert np.allclose(vectors, net(torch.from_numpy(crops)).numpy(), atol=1e-4)
