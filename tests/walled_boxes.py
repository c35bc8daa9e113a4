"""A Debian in a folder whose programs run as the scanner's unit lets them: system read-only, no network, no rights."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("python3", "python3-venv", "python3-numpy", "util-linux")
PROGRAMS = ("debootstrap", "unshare", "setpriv", "mount")
USER = 990
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_ENTER = """
set -e
mount -t overlay -o "lowerdir=$BASE,upperdir=$DISK/upper,workdir=$DISK/work" box "$DISK/root"
cd "$DISK/root"
mount -t proc proc proc
mount --bind /dev/null dev/null
mount --bind /dev/urandom dev/urandom
if [ "$WALLS" = 1 ]; then
    mount --bind "$DISK/upper/var/lib/cardscanner" var/lib/cardscanner  # one for all: locks hold between commands
    mount -o remount,bind,ro "$DISK/root"
    mount -t tmpfs -o mode=1777 tmpfs tmp
    exec chroot . setpriv --reuid $ID --regid $ID --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
        /usr/bin/env -i PATH=$INSIDE HOME=/var/lib/cardscanner /bin/sh -c "$COMMAND"
fi
exec chroot . /usr/bin/env -i PATH=$INSIDE HOME=/root /bin/sh -c "$COMMAND"
"""


def missing_for_walls() -> str:
    """Return what is missing to have such a box, or ``""``."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    return ", ".join(
        ["root"] * (os.geteuid() != 0) + [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    )


class WalledBox:
    """What is written lies on the disk of this box alone; ``/var/lib/cardscanner`` is the scanner's."""

    def __init__(self, release: str, disk: Path, kept: Path) -> None:
        self.base = kept / release
        self.disk = disk
        subprocess.run([ROOT / "tools" / "systemd_chroot.sh", release, self.base, *PACKAGES], check=True)
        for name in ("upper", "work", "root", "upper/var/lib/cardscanner"):
            (disk / name).mkdir(parents=True, exist_ok=True)
        self.state = disk / "upper" / "var" / "lib" / "cardscanner"
        self.own(self.state)

    def own(self, path: Path) -> None:
        """Give everything below to the scanner's user."""
        for each in (path, *path.rglob("*")):
            os.chown(each, USER, USER, follow_symlinks=False)

    def put(self, source: Path, place: str) -> Path:
        """Copy a file or folder into it, as root's; returns where it lies on this machine."""
        into = self.disk / "upper" / place.lstrip("/")
        into.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, into)
        else:
            shutil.copy(source, into)
        return into

    def start(self, command: str, *, as_root: bool = False) -> subprocess.Popen[str]:
        """Start a shell command behind the walls; ``as_root``: with none, as an administrator does."""
        environment = {
            **os.environ, "BASE": str(self.base), "DISK": str(self.disk), "WALLS": "0" if as_root else "1",
            "COMMAND": command, "ID": str(USER), "INSIDE": PATH,
        }  # fmt: skip
        return subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--propagation", "private", "bash", "-c", _ENTER],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    @staticmethod
    def kill(process: subprocess.Popen[str]) -> None:
        """Kill a command with all that it has started: as the power fails.

        The first process behind the walls has to be killed: `unshare --kill-child` is forgotten with the
        change of the user.
        """
        for first in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(first), signal.SIGKILL)
        process.communicate()

    def run(
        self, command: str, *, as_root: bool = False, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command to its end."""
        process = self.start(command, as_root=as_root)
        out, err = process.communicate()
        assert not check or process.returncode == 0, f"{command}\n{out}\n{err}"
        return subprocess.CompletedProcess(command, process.returncode, out, err)
