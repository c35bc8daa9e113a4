"""Packages of a target's Debian, fetched and unpacked beside ours; none of them is run, without root."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cardscanner.errors import InputError
from cardscanner_tools.dist.targets import Target

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FINISHED = ".finished"


def headers(target: Target, cache: Path) -> Path:
    """Return a folder with the headers of the target's Python, fetched once.

    Raises
    ------
    InputError
        apt could not fetch them.
    """
    folder = cache / f"headers-{target.name}"
    return unpacked(target, [f"libpython{target.system.python}-dev"], folder, whole=False)


def unpacked(target: Target, packages: Sequence[str], folder: Path, *, whole: bool) -> Path:
    """Return a folder with unpacked packages, made once; ``whole``: with all that they depend on.

    Raises
    ------
    InputError
        apt is missing, or could not fetch them.
    """
    if (folder / _FINISHED).exists():
        return folder
    for program, package in (("apt-get", "apt"), ("dpkg-deb", "dpkg")):
        if shutil.which(program) is None:
            raise InputError(f"{program} is missing (Debian's package {package}), which fetches headers")
    shutil.rmtree(folder, ignore_errors=True)
    fetched = folder.with_name(f"{folder.name}.debs")
    _fetch(target, packages, fetched, whole=whole)
    for name in ("bin", "sbin", "lib", *(["lib64"] if target.machine == "x86_64" else [])):
        (folder / "usr" / name).mkdir(parents=True)  # a merged /usr, as both releases have it
        (folder / name).symlink_to(f"usr/{name}")
    for file in sorted(fetched.rglob("*.deb")):
        archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], capture_output=True, check=True)
        subprocess.run(
            ["tar", "-x", "--no-same-owner", "--keep-directory-symlink", "-C", folder],
            input=archive.stdout,
            check=True,
        )
    shutil.rmtree(fetched)
    (folder / _FINISHED).touch()
    return folder


def _fetch(target: Target, packages: Sequence[str], into: Path, *, whole: bool) -> None:
    """Let apt fetch and check signatures, with a state of its own: it knows this release and machine only."""
    for name in ("lists/partial", "archives/partial"):
        (into / name).mkdir(parents=True, exist_ok=True)
    (into / "status").touch()
    (into / "sources.list").write_text(
        f"deb [signed-by={KEYRING}] {_mirror()} {target.system.release} main\n"
    )
    settings = {
        "Dir::Etc::SourceList": into / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": into,
        "Dir::State::Status": into / "status",
        "Dir::Cache": into,
        "APT::Architecture": target.debian_architecture,
        "APT::Architectures::": target.debian_architecture,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }
    apt = [
        "apt-get",
        "-qq",
        "-y",
        *(w for name, value in settings.items() for w in ("-o", f"{name}={value}")),
    ]
    wanted = ["install", "--download-only", "--no-install-recommends"] if whole else ["download"]
    for step in (["update"], [*wanted, *packages]):
        done = subprocess.run([*apt, *step], cwd=into, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise InputError(
                f"apt could not fetch {', '.join(packages)} of {target.system.release} for {target.machine}: "
                f"{done.stderr.strip()[-500:]}"
            )


def _mirror() -> str:
    """Return where this machine's apt takes Debian from: the first address of its sources."""
    for file in (*Path("/etc/apt/sources.list.d").glob("debian*.sources"), Path("/etc/apt/sources.list")):
        for line in file.read_text().splitlines() if file.is_file() else ():
            words = [word for word in line.split() if not word.startswith("[") and not word.endswith("]")]
            if words[:1] in (["URIs:"], ["deb"]) and len(words) > 1:
                return words[1]
    raise InputError("no Debian source in /etc/apt: where would the headers come from?")
