"""The entry script for SageMaker: environment variables in, the usual command out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import tiny_training

from cardscanner.errors import ConfigError

ENTRY = Path(__file__).parents[2] / "tools" / "sagemaker" / "train.py"
SPEC = spec_from_file_location("sagemaker_entry", ENTRY)
entry = module_from_spec(SPEC)
SPEC.loader.exec_module(entry)


def test_hyperparameters_and_channels_become_the_commands_arguments(tmp_path):
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "front.pth").write_bytes(b"x")
    environment = {
        "SM_HPS": json.dumps({"recipe": "cardnet", "stages.0.lr": "5e-4", "batch": 128, "workers": 8}),
        "SM_CHANNEL_WEIGHTS": str(weights),
        "SM_CHANNEL_ART": str(tmp_path / "art"),
        "CARDSCANNER_CHECKPOINTS": str(tmp_path / "work"),
    }
    assert entry.arguments(environment) == [
        "train", "--out", str(tmp_path / "work"), "--recipe", "cardnet", "--workers", "8",
        "--weights", str(weights / "front.pth"), "--free-art", str(tmp_path / "art"),
        "--set", "stages.0.lr=5e-4", "--set", "batch=128",
    ]  # fmt: skip


def test_distil_gets_its_teacher_and_without_settings_it_is_the_usual_training(tmp_path):
    teacher = tmp_path / "teacher.safetensors"
    teacher.write_bytes(b"x")
    given = entry.arguments({"SM_HPS": '{"command": "distil"}', "SM_CHANNEL_TEACHER": str(teacher)})
    assert given == ["distil", "--out", "/opt/ml/checkpoints", "--teacher", str(teacher)]
    assert entry.arguments({}) == ["train", "--out", "/opt/ml/checkpoints"]


def test_a_channel_with_two_files_where_one_is_meant_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ConfigError, match="must hold one file, it holds 2"):
        entry.arguments({"SM_CHANNEL_WEIGHTS": str(tmp_path)})


@pytest.mark.train
@pytest.mark.skipif(find_spec("torch") is None, reason="needs the extra `train`")
def test_the_script_trains_and_delivers_weights_and_log_to_the_model_folder(tmp_path):
    recipe = tiny_training.recipe(tmp_path / "r.yaml")
    environment = {
        **os.environ,
        "SM_HPS": json.dumps({"recipe": str(recipe), "workers": "0", "stages.0.examples": "8"}),
        "SM_MODEL_DIR": str(tmp_path / "model"),
        "CARDSCANNER_CHECKPOINTS": str(tmp_path / "work"),
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run([sys.executable, str(ENTRY)], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"tiny.safetensors", "log.csv"}
    assert (tmp_path / "work" / "last.pt").is_file()
