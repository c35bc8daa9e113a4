"""Debians that are really booted, each with its own systemd, address and sshd, in namespaces of this machine."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGES = ("python3", "python3-venv", "python3-apt", "openssh-server", "sudo", "iproute2", "ca-certificates")
"""What Raspberry Pi OS has from the start and a minimal Debian has not."""
PROGRAMS = ("debootstrap", "unshare", "nsenter", "ip", "setpriv", "ssh", "ssh-keygen")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RIGHTS = ("setpriv", "--bounding-set=-sys_time,-sys_module,-sys_rawio,-syslog", "--inh-caps=-sys_time")
"""Neither the clock nor the kernel of this machine is a host's business, whoever runs something in it."""
CONTROLLER = "10.77.0.1"
BOOT_S = 60.0
BOOT_ID = "/proc/sys/kernel/random/boot_id"
REBOOTED = (-1, 129)
"""Exit status where process 1 rebooted: the kernel kills it by SIGHUP then (reboot(2), "Behavior inside PID namespaces")."""


def missing_for_booting() -> str:
    """Return what is missing to boot hosts here, or ``""``."""
    missing = [
        name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None
    ]
    return ", ".join(["root"] * (os.geteuid() != 0) + missing)


def base_folder(release: str, packages: Iterable[str] = ()) -> Path:
    """Return a Debian of a release in a folder; made once for each choice of packages, then only read."""
    wanted = sorted({*PACKAGES, *packages})
    folder = Path(os.environ.get("CARDSCANNER_HOSTS", ROOT / "out" / "hosts")) / release
    made_with = folder.with_suffix(".packages")
    if made_with.exists() and set(wanted) - set(made_with.read_text().split()):
        wanted = sorted({*wanted, *made_with.read_text().split()})
        shutil.rmtree(folder)
    subprocess.run([ROOT / "tools" / "systemd_chroot.sh", release, folder, *wanted], check=True)
    made_with.write_text("\n".join(wanted))
    return folder


class Host:
    """One booted Debian; its base is only read, and what it writes stays on its disk from start to start."""

    def __init__(self, name: str, base: Path, disk: Path, address: str, network: str) -> None:
        self.name = name
        self.base = base
        self.disk = disk
        self.address = address
        self._network = network
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self._watching: threading.Thread | None = None

    @property
    def console(self) -> Path:
        """What process 1 has said."""
        return self.disk / "console.log"

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of a host that is switched off."""
        file = self.disk / "upper" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def start(self) -> None:
        """Boot; returns when its sshd listens."""
        self._wanted = True
        self._boot()
        self._watching = threading.Thread(target=self._start_again, name=self.name, daemon=True)
        self._watching.start()
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait until systemd is through and sshd is active."""
        until_s = time.monotonic() + BOOT_S
        while time.monotonic() < until_s:
            with suppress(subprocess.CalledProcessError, ProcessLookupError):
                self.run("systemctl is-active ssh")
                return
            if self._process is not None and self._process.poll() not in {None, *REBOOTED}:
                break
            time.sleep(0.2)
        raise AssertionError(f"{self.name} did not boot:\n{self.console.read_text(errors='replace')[-3000:]}")

    def run(
        self, command: str, *, check: bool = True, user: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command in it, as root, past the network."""
        become = ["runuser", "-u", user, "--"] if user else []
        return subprocess.run(
            ["nsenter", "-t", str(self._init()), "-a", "-r", "-w", *RIGHTS, "/usr/bin/env", "-i", f"PATH={PATH}",
             "HOME=/root", *become, "/bin/sh", "-c", command],
            check=check, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def restart(self) -> None:
        """``systemctl reboot``; returns when it is up again."""
        before = self._process
        self.run("systemctl reboot", check=False)
        until_s = time.monotonic() + BOOT_S
        while self._process is before and time.monotonic() < until_s:
            time.sleep(0.05)
        self.wait_until_up()

    def cut_power(self) -> None:
        """End every process at once."""
        self._wanted = False
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._watching is not None:
            self._watching.join(timeout=BOOT_S)

    def _boot(self) -> None:
        master, slave = pty.openpty()
        self.disk.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [HERE / "hosts" / "boot.sh", self.name, self.base, self.disk],
            env={**os.environ, "CONSOLE": os.ttyname(slave)}, stdin=subprocess.PIPE,
        )  # fmt: skip
        threading.Thread(
            target=_keep_console, args=(self._process, master, slave, self.console), daemon=True
        ).start()
        init = self._init()
        cable = f"{self.name[:8]}-cable"
        # The one of an earlier start goes with its namespace, but not at once.
        subprocess.run(
            ["ip", "-n", self._network, "link", "del", cable], check=False, stderr=subprocess.DEVNULL
        )
        _inside(self._network, "ip", "link", "add", cable, "type", "veth", "peer", "eth0", "netns", str(init))
        _inside(self._network, "ip", "link", "set", cable, "master", "bridge", "up")
        for words in (
            f"addr add {self.address}/24 dev eth0",
            "link set eth0 up",
            "link set lo up",
            f"route add default via {CONTROLLER}",
        ):
            subprocess.run(["nsenter", "-t", str(init), "-n", "ip", *words.split()], check=True)
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._process.stdin.close()

    def _init(self) -> int:
        """Return the number of its process 1, seen from here."""
        until_s = time.monotonic() + BOOT_S
        while self._wanted and self._process is not None and time.monotonic() < until_s:
            process = Path(f"/proc/{self._process.pid}")
            with suppress(OSError, IndexError):
                if (process / "comm").read_text() == "unshare\n":
                    return int((process / "task" / process.name / "children").read_text().split()[0])
            time.sleep(0.02)
        raise ProcessLookupError(f"{self.name} is switched off")

    def _start_again(self) -> None:
        while self._wanted and self._process is not None:
            ended = self._process.wait()
            if not self._wanted or ended not in REBOOTED:
                return
            self._boot()


@contextmanager
def booted_hosts(folder: Path, wanted: Mapping[str, Path]) -> Iterator[Hosts]:
    """Boot hosts on one network: name to base folder (:func:`base_folder`); ends and removes them all."""
    with ExitStack() as stack:
        network = f"cards-{os.getpid()}"
        subprocess.run(["ip", "netns", "add", network], check=True)
        stack.callback(subprocess.run, ["ip", "netns", "del", network], check=False)
        for words in (
            "link add bridge type bridge",
            f"addr add {CONTROLLER}/24 dev bridge",
            "link set bridge up",
            "link set lo up",
        ):
            _inside(network, "ip", *words.split())
        key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        hosts = Hosts(folder, network, key)
        names = "".join(f"10.77.0.{11 + n} {name}\n" for n, name in enumerate(wanted))
        for n, (name, base) in enumerate(wanted.items()):
            host = Host(name, base, folder / name, f"10.77.0.{11 + n}", network)
            hosts[name] = host
            host.write("etc/hosts", f"127.0.0.1 localhost\n{CONTROLLER} controller\n{names}")
            host.write("etc/hostname", f"{name}\n")
            host.write("etc/machine-id", "")
            # systemd 252 gives a walled service a new /proc, in which the number of the start is this machine's.
            host.write(
                "etc/systemd/system/cardscanner.service.d/start.conf",
                f"[Service]\nBindReadOnlyPaths={BOOT_ID}\n",
            )
            host.write("etc/resolv.conf", "")
            host.write("root/.ssh/authorized_keys", key.with_suffix(".pub").read_text(), 0o600)
            (host.disk / "upper" / "root").chmod(0o700)
            (host.disk / "upper" / "root" / ".ssh").chmod(0o700)
        for host in hosts.values():
            stack.callback(host.cut_power)
            host.start()
        yield hosts


class Hosts(dict[str, Host]):
    """The hosts by name, and the controller's place in their network."""

    def __init__(self, folder: Path, network: str, key: Path) -> None:
        super().__init__()
        self.folder = folder
        self.network = network
        self.key = key

    def controller(
        self, *command: str | Path, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this machine in the hosts' network."""
        return subprocess.run(
            ["ip", "netns", "exec", self.network, *command],
            check=check, capture_output=True, text=True, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def inventory(self) -> Path:
        """Write an inventory of all of them for Ansible, and return its file."""
        file = self.folder / "hosts.ini"
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ControlPersist=60s -o ControlMaster=auto"
        lines = [f"{host.name} ansible_host={host.address}" for host in self.values()]
        file.write_text(
            "[boxes]\n"
            + "\n".join(lines)
            + "\n\n[boxes:vars]\nansible_user=root\nansible_python_interpreter=/usr/bin/python3\n"
            f"ansible_ssh_private_key_file={self.key}\nansible_ssh_common_args={options}\n"
        )
        return file


def _inside(network: str, *command: str) -> None:
    subprocess.run(["ip", "netns", "exec", network, *command], check=True)


def _keep_console(process: subprocess.Popen[bytes], master: int, slave: int, file: Path) -> None:
    """Write down what the console says until its host ends; the terminal must have a holder until then."""
    with file.open("ab", buffering=0) as said:
        while process.poll() is None:
            if select.select([master], [], [], 0.5)[0]:
                said.write(os.read(master, 65536))
    os.close(slave)
    os.close(master)
