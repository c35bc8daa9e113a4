"""A target's Debian, unpacked but not set up: headers to compile with, a Python to try wheels with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from cardscanner.errors import InputError
from cardscanner_tools.dist.targets import Target

PACKAGES = ("python3", "python3-numpy", "libpython3-dev", "libstdc++6")
_FINISHED = ".finished"


def sysroot(target: Target, cache: Path) -> Path:
    """Return its folder, made once; nothing of it is run while it is made.

    Raises
    ------
    InputError
        debootstrap is missing, or could not fetch the packages.
    """
    root = cache / f"sysroot-{target.system.release}-{target.machine}"
    if (root / _FINISHED).exists():
        return root
    if shutil.which("debootstrap") is None:
        raise InputError(
            "debootstrap is missing, which fetches the target's headers: apt install debootstrap"
        )
    shutil.rmtree(root, ignore_errors=True)
    fetched = cache / f"fetched-{target.system.release}-{target.machine}"
    mirror = _mirror()
    command = [
        "debootstrap", f"--arch={target.debian_architecture}", "--variant=minbase", "--download-only",
        f"--include={','.join(PACKAGES)}", target.system.release, str(fetched), *([mirror] if mirror else []),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InputError(f"debootstrap could not fetch {target.name}: {done.stdout.strip()[-300:]}")
    root.mkdir(parents=True)
    for folder in ("bin", "sbin", "lib"):  # a merged /usr, as both releases have it
        (root / "usr" / folder).mkdir(parents=True)
        (root / folder).symlink_to(f"usr/{folder}")
    if target.machine == "x86_64":
        (root / "usr" / "lib64").mkdir()
        (root / "lib64").symlink_to("usr/lib64")
    for package in sorted(fetched.glob("var/cache/apt/archives/*.deb")):
        unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True)
        subprocess.run(
            ["tar", "-x", "--keep-directory-symlink", "-C", root], input=unpacked.stdout, check=True
        )
    shutil.rmtree(fetched)
    (root / _FINISHED).touch()
    return root


def _mirror() -> str | None:
    """Return where this machine's apt takes Debian from; ``None``: debootstrap's own choice."""
    for file in (*Path("/etc/apt/sources.list.d").glob("debian*.sources"), Path("/etc/apt/sources.list")):
        for line in file.read_text().splitlines() if file.is_file() else ():
            words = [word for word in line.split() if not word.startswith("[") and not word.endswith("]")]
            if words[:1] in (["URIs:"], ["deb"]) and len(words) > 1:
                return words[1]
    return None
