"""Runs that are killed, and runs in several processes, end like a run in one piece. Needs torch."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tiny_training
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.train
PATIENT = pytest.mark.timeout(400)  # many processes that each import torch

STAGE = {"examples": 48, "lr": 0.01, "warmup_steps": 2}
EVERYTHING: dict[str, Any] = {
    "precision": "bf16",
    "accumulate": 2,
    "ema_decay": 0.9,
    "augment": {"cutmix": 0.5},
    "early_stopping": {"figure": "hard_top1", "patience": 50},
    "arcface": {"margin": 0.2, "scale": 16, "centres": 2},
    "stages": [
        {**STAGE, "trainable": "head"},
        {**STAGE, "examples": 64, "pool": {"count": 10, "seed": 4}, "imprint": True},
    ],
}
"""Two stages, other cards in the second, and all that has a state of its own."""


def started(recipe: Path, out: Path, **environment: str) -> subprocess.Popen[bytes]:
    words = ["train", "--recipe", str(recipe), "--out", str(out), "--workers", "0"]
    quiet = {"TQDM_DISABLE": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "cardscanner_tools.cli", *words],
        env={**os.environ, **quiet, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(process: subprocess.Popen[bytes]) -> None:
    _, said = process.communicate(timeout=100)
    assert process.returncode == 0, said.decode()[-2000:]


def kill_after(process: subprocess.Popen[bytes], out: Path, checkpoints: int) -> None:
    """Kill -9 when so many checkpoints have taken the place of one another."""
    path, seen = out / "last.pt", set()
    while len(seen) < checkpoints:
        assert process.poll() is None, process.communicate()[1].decode()[-2000:]
        if path.is_file():
            seen.add(path.stat().st_mtime_ns)
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def same(one: Any, other: Any) -> bool:
    """Compare to the last bit."""
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return one == other


def without_time(out: Path) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key != "time"} for row in tiny_training.rows(out)]


@PATIENT
def test_a_run_killed_at_any_point_ends_bit_for_bit_as_one_that_was_not(tmp_path):
    recipe = tiny_training.recipe(tmp_path / "r.yaml", **EVERYTHING)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ended(started(recipe, whole))
    for checkpoints in (2, 3, 3):
        kill_after(started(recipe, killed), killed, checkpoints)
    assert not torch.load(killed / "last.pt", weights_only=True)["progress"]["finished"]
    ended(started(recipe, killed))
    one, other = (torch.load(out / "last.pt", weights_only=True) for out in (whole, killed))
    assert one["progress"] == {"stage": 1, "stage_step": 8, "step": 14, "examples": 112, "finished": True}
    assert [key for key in one if not same(one[key], other[key])] == []
    assert (whole / "tiny.safetensors").stat().st_size == (killed / "tiny.safetensors").stat().st_size
    assert same(load_file(whole / "tiny.safetensors"), load_file(killed / "tiny.safetensors"))
    assert same(load_file(whole / "tiny-best.safetensors"), load_file(killed / "tiny-best.safetensors"))
    assert without_time(whole) == without_time(killed)


RANK = """
import argparse, sys, torch
from pathlib import Path
from accelerate import PartialState
from cardscanner_tools.training import session
from cardscanner_tools.training.recipe import TrainRecipe
from cardscanner_tools.training.recipe_files import load_recipe
from cardscanner_tools.training.tasks import Classification

recipe = load_recipe(Path(sys.argv[1]), TrainRecipe)
parser = argparse.ArgumentParser()
session.add_arguments(parser)
tasks = []
session.run_recipe(
    recipe, lambda: tasks.append(Classification(recipe)) or tasks[0],
    parser.parse_args(["--out", sys.argv[2], "--workers", "0"]),
)
torch.save({"net": tasks[0].net.state_dict(), "arcface": tasks[0].arcface.state_dict()}, sys.argv[3])
"""


@PATIENT
def test_two_processes_end_with_the_same_parameters_and_those_of_a_single_one(tmp_path):
    network = {**tiny_training.NETWORK, "dropout": 0.0}
    stages = [{**STAGE, "trainable": "head"}, {**STAGE, "lr": 0.001}]
    recipe = tiny_training.recipe(tmp_path / "r.yaml", network=network, stages=stages)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    ranks = [
        ranked(tmp_path, recipe, {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_PORT": port})
        for rank in ("0", "1")
    ]
    for process in ranks:
        ended(process)
    ended(ranked(tmp_path, recipe, {}))
    first, second, alone = (torch.load(tmp_path / f"net-{name}.pt", weights_only=True) for name in "01-")
    assert same(first, second)
    for part in ("net", "arcface"):
        for name, value in alone[part].items():
            assert torch.allclose(value, first[part][name], atol=2e-3), name
    together, single = (tiny_training.rows(tmp_path / name)[-1] for name in ("run-0", "run--"))
    assert together["step"] == single["step"] == "12"
    assert float(together["loss"]) < 50
    assert not (tmp_path / "run-1" / "last.pt").exists()


def ranked(folder: Path, recipe: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start what torchrun starts on each GPU; every rank has a folder of its own to show who writes."""
    rank = environment.get("RANK", "-")
    out = folder / f"run-{rank}"
    address = {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"} if environment else {}
    quiet = {"TQDM_DISABLE": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, "-c", RANK, str(recipe), str(out), str(folder / f"net-{rank}.pt")],
        env={**os.environ, **quiet, **address, **environment}, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
