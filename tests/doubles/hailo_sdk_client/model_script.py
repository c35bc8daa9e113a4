"""Model scripts: the few commands whose effect is played, and the names of those that are accepted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from hailo_sdk_client.exceptions import AllocatorScriptParserException

_COMMAND = re.compile(r"^(?:[\w/]+(?:\s*,\s*[\w/]+)*\s*=\s*)?(\w+)\s*\((.*)\)$")
_LISTS = re.compile(r"\[([^\]]*)\]")
KNOWN = {
    "normalization", "input_conversion", "model_optimization_config", "model_optimization_flavor",
    "post_quantization_optimization", "pre_quantization_optimization", "quantization_param", "performance_param",
    "resources_param", "context_switch_param", "allocator_param",
}  # fmt: skip


@dataclass
class Modifications:
    """What a script does to the pixels before the network."""

    mean: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    std: list[float] = field(default_factory=lambda: [1.0, 1.0, 1.0])
    swapped_colours: bool = False


def read_script(text_or_path: str, append_to: Modifications | None = None) -> Modifications:
    """Parse a script, given as a path or as its text; every line is one command, and there are no comments."""
    text = text_or_path
    if "\n" not in text_or_path and text_or_path.endswith(".alls"):
        text = Path(text_or_path).read_text(encoding="utf-8")
    done = append_to or Modifications()
    for line in filter(None, (line.strip() for line in text.splitlines())):
        command = _COMMAND.match(line)
        if command is None or command[1] not in KNOWN:
            raise AllocatorScriptParserException(f"Invalid command in model script: {line}")
        _apply(done, command[1], command[2])
    return done


def _apply(done: Modifications, command: str, arguments: str) -> None:
    if command == "normalization":
        done.mean, done.std = (
            [float(each) for each in part.split(",")] for part in _LISTS.findall(arguments)
        )
    elif command == "input_conversion":
        if arguments.split(",", maxsplit=1)[0] != "bgr_to_rgb":
            raise AllocatorScriptParserException(f"the double knows bgr_to_rgb, not {arguments}")
        done.swapped_colours = True
