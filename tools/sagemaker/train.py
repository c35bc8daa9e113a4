"""SageMaker's entry point: its environment variables become the arguments of `cardscanner-tools train`.

Hyperparameters (SM_HPS, strings or JSON)
    command     train (default) or distil
    recipe      name of a shipped recipe, or a file below the code
    workers, threads, tensorboard
    any dotted key of the recipe, say stages.0.lr or batch

Channels (SM_CHANNEL_*)
    weights     a file, or a folder with one file: the pre-trained backbone (cardnet: the front)
    checkpoint  likewise: a network of ours to start from
    teacher     likewise: the teacher's weights, for distil
    faces, art  folders of freely licensed card faces and pictures

Set checkpoint_s3_uri, so that a spot instance that is taken away goes on; SageMaker mirrors
/opt/ml/checkpoints. With several GPUs, distribution={"torch_distributed": {"enabled": True}} starts this file
by torchrun.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from cardscanner.errors import ConfigError

_FILES = {"WEIGHTS": "--weights", "CHECKPOINT": "--checkpoint", "TEACHER": "--teacher"}
_FOLDERS = {"FACES": "--free-faces", "ART": "--free-art"}
_WORDS = ("recipe", "workers", "threads")


def arguments(environment: Mapping[str, str]) -> list[str]:
    """Return the command line that the environment asks for."""
    settings = {key: _text(value) for key, value in json.loads(environment.get("SM_HPS", "{}")).items()}
    words = [settings.pop("command", "train"), "--out", str(work_folder(environment))]
    for name in _WORDS:
        if name in settings:
            words += [f"--{name}", settings.pop(name)]
    if settings.pop("tensorboard", "false").lower() == "true":
        words.append("--tensorboard")
    for channel, option in _FILES.items():
        if folder := environment.get(f"SM_CHANNEL_{channel}"):
            words += [option, str(_only_file(Path(folder)))]
    for channel, option in _FOLDERS.items():
        if folder := environment.get(f"SM_CHANNEL_{channel}"):
            words += [option, folder]
    return [*words, *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))]


def work_folder(environment: Mapping[str, str]) -> Path:
    """Return where the run keeps its checkpoints: what SageMaker mirrors, and a spot instance finds again."""
    return Path(environment.get("CARDSCANNER_CHECKPOINTS", "/opt/ml/checkpoints"))


def deliver(environment: Mapping[str, str]) -> None:
    """Copy weights and log to the folder that SageMaker uploads as the model."""
    target = Path(environment["SM_MODEL_DIR"])
    target.mkdir(parents=True, exist_ok=True)
    work = work_folder(environment)
    for path in [*work.glob("*.safetensors"), *work.glob("log.csv")]:
        shutil.copy2(path, target / path.name)


def main(environment: Mapping[str, str]) -> int:
    """Train, then deliver; only the first process of the first machine delivers."""
    from cardscanner_tools.cli import main as command

    code = command(arguments(environment))
    if code == 0 and environment.get("RANK", "0") == "0":
        deliver(environment)
    return code


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _only_file(place: Path) -> Path:
    """Return a channel's one file, or the channel itself where that is a file already."""
    if place.is_file():
        return place
    files = sorted(path for path in place.rglob("*") if path.is_file())
    if len(files) != 1:
        raise ConfigError(f"{place} must hold one file, it holds {len(files)}")
    return files[0]


if __name__ == "__main__":
    sys.exit(main(os.environ))
