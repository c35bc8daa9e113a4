"""A few lines of C between a program under test and its C library: what the machine would say, said by a test."""

from __future__ import annotations

import subprocess
from pathlib import Path

INSTALL = "sudo apt-get install -y gcc libc6-dev"


def compiled(folder: Path, name: str, source: str) -> Path:
    """Return a shared library for ``LD_PRELOAD``."""
    folder.mkdir(parents=True, exist_ok=True)
    library, text = folder / f"{name}.so", folder / f"{name}.c"
    text.write_text(source, encoding="ascii")
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, text, "-ldl"], check=True)
    except FileNotFoundError:
        raise AssertionError(f"there is no C compiler; run: {INSTALL}") from None
    return library
