"""ONNX Runtime tells nobody what it runs: no telemetry file is made, and none is held open."""

import os
import subprocess
import sys

import pytest

RUN = """
import os, sys
{first}
from pathlib import Path
from cardscanner.errors import ArtifactError
from cardscanner.onnx_network import open_network
from cardscanner.shipped import shipped_finder
(network,) = shipped_finder().glob("*.onnx")
open_network(network, 1, ArtifactError)
print([os.readlink(f"/proc/self/fd/{{file}}") for file in os.listdir("/proc/self/fd")
       if os.path.lexists(f"/proc/self/fd/{{file}}")])
"""
SILENCING = ("ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS")


@pytest.mark.parametrize("first", ["", "import cardscanner_tools, onnxruntime"])
def test_nothing_is_kept_for_sending(tmp_path, first):
    environment = {key: value for key, value in os.environ.items() if key not in SILENCING}
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(first=first)],
        env=environment | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert list(tmp_path.rglob("*")) == []
    assert "onnxruntime.db" not in done.stdout
