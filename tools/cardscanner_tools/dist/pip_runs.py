"""pip, run for another machine than this one."""

from __future__ import annotations

import os
import subprocess
import sys

from cardscanner.errors import InputError
from cardscanner_tools.dist.targets import Target


def run_pip(*arguments: str, environment: dict[str, str] | None = None) -> None:
    """Run pip as this machine has it configured.

    Raises
    ------
    InputError
        It failed; with its last words.
    """
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
    )
    if done.returncode != 0:
        raise InputError(f"pip {arguments[0]} failed: {done.stderr.strip()[-1500:]}")


def only_for(target: Target) -> list[str]:
    """Return the options that let pip take wheels for a target and no others."""
    options = ["--only-binary", ":all:", "--python-version", target.system.python, "--implementation", "cp"]
    options += [word for abi in (target.tag, "abi3", "none") for word in ("--abi", abi)]
    return options + [word for platform in target.platforms for word in ("--platform", platform)]
