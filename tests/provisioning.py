"""Booted hosts that have Debian's and Raspberry Pi's packages to install, and playbooks run against them."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from booted_hosts import Host, Hosts
from pi_packages import NAMES, build_repository, index

ROOT = Path(__file__).parents[1]
ANSIBLE = ROOT / "ansible"
HAILORT = "4.23.0"
SOURCES = "/var/local/packages"


def wanted_packages() -> list[str]:
    """Debian's packages that the roles install by default: every list whose name ends in ``_packages``."""
    wanted: set[str] = set()
    for file in ANSIBLE.glob("roles/*/defaults/main.yml"):
        for name, value in (yaml.safe_load(file.read_text()) or {}).items():
            if name.endswith("_packages"):
                wanted.update(value)
    return sorted(wanted - NAMES | {"python3-numpy"})


def debian_packages(release: str, base: Path, wanted: Iterable[str] = ()) -> Path:
    """Fetch what ``base`` lacks of these packages (default: what the roles want), once, as a flat repository beside it."""
    names = sorted(wanted or wanted_packages())
    folder = base.with_name(f"{release}-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:8]}")
    if (folder / "Packages").exists():
        return folder
    apt = _apt_of(release, base, folder)
    subprocess.run([*apt, "update"], check=True, capture_output=True)
    subprocess.run([*apt, "install", "--download-only", *names], check=True, capture_output=True)
    for package in (folder / "cache" / "archives").glob("*.deb"):
        package.rename(folder / package.name)
    index(folder)
    return folder


def _apt_of(release: str, base: Path, folder: Path) -> list[str | Path]:
    """apt-get that knows this release only, and takes for installed what is in ``base``."""
    for name in ("cache/archives/partial", "state/lists/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text((base / "etc" / "apt" / "sources.list").read_text())
    options = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::State": folder / "state",
        "Dir::State::Status": base / "var" / "lib" / "dpkg" / "status",
        "Dir::Cache": folder / "cache",
        "APT::Default-Release": release,
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "true",
    }
    return [
        "apt-get",
        "-qq",
        "-y",
        *(word for name, value in options.items() for word in ("-o", f"{name}={value}")),
    ]


def give_packages(hosts: Hosts, host: Host, *folders: Path) -> None:
    """Let a host's apt take its packages from these folders and nowhere else."""
    host.run(f"rm -rf {SOURCES} /etc/apt/sources.list.d/*; mkdir -p {SOURCES}; : > /etc/apt/sources.list")
    for folder in folders:
        hosts.controller("scp", "-q", "-r", *ssh_options(hosts), folder, f"root@{host.address}:{SOURCES}/")
        host.run(f"echo 'deb [trusted=yes] file:{SOURCES}/{folder.name} ./' >> /etc/apt/sources.list")
    host.run(f"chmod -R a+rX {SOURCES}; apt-get update")


def make_a_pi(hosts: Hosts, host: Host, *folders: Path) -> None:
    """Give it what every Raspberry Pi OS has from the start, beside packages to install; chrony must not touch this clock."""
    give_packages(hosts, host, *folders)
    host.run("apt-get install -y -q raspi-firmware")
    host.run(
        "mkdir -p /etc/systemd/system/chrony.service.d && printf"
        " '[Unit]\\nConditionCapability=\\n[Service]\\nExecStart=\\nExecStart=!/usr/sbin/chronyd -x\\n'"
        " > /etc/systemd/system/chrony.service.d/no-clock.conf && systemctl daemon-reload"
    )


def pi_repository(folder: Path, *versions: str, **others: str) -> Path:
    """Raspberry Pi's packages, with HailoRT in these versions (default: one)."""
    return build_repository(folder, *(versions or (HAILORT,)), **others)


def ssh_options(hosts: Hosts) -> list[str | Path]:
    return ["-i", hosts.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]


def program(name: str) -> Path:
    """A program of the virtual environment that runs the tests."""
    return Path(sys.executable).with_name(name)


def write_play(folder: Path, *roles: str, hosts: str = "boxes") -> Path:
    """Write a playbook with these roles of the checkout."""
    file = folder / f"{'-'.join(roles)}.yml"
    file.write_text(yaml.safe_dump([{"name": "Test", "hosts": hosts, "become": False, "roles": list(roles)}]))
    return file


class Played:
    """What a run of ansible-playbook did."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status = done.returncode
        self.text = done.stdout + done.stderr

    def counts(self, host: str) -> dict[str, int]:
        """The host's line of the recap: ok, changed, unreachable, failed, ..."""
        line = next(line for line in reversed(self.text.splitlines()) if line.startswith(f"{host} "))
        return {name: int(count) for name, count in (word.split("=") for word in line.split(":")[1].split())}

    def changes(self) -> list[str]:
        """The tasks and items that changed something."""
        task, found = "", []
        for line in self.text.splitlines():
            if line.startswith(("TASK [", "RUNNING HANDLER [")):
                task = line.split("[", 1)[1].rsplit("]", 1)[0]
            elif line.startswith("changed: "):
                found.append(task)
        return found


def play(
    hosts: Hosts,
    playbook: Path | str,
    *options: str,
    variables: Mapping[str, Any] | None = None,
    inventory: Path | None = None,
) -> Played:
    """Run a playbook of the checkout against the hosts, or an inventory of theirs; variables are extra ones."""
    extra = ["--extra-vars", json.dumps(variables)] if variables else []
    done = hosts.controller(
        program("ansible-playbook"), "-i", str(inventory or hosts.inventory()), str(playbook), *options, *extra,
        check=False,
        ANSIBLE_CONFIG=str(ANSIBLE / "ansible.cfg"), ANSIBLE_NOCOLOR="1", ANSIBLE_FORCE_COLOR="0", PY_COLORS="0",
        ANSIBLE_HOME=str(hosts.folder / "ansible"), LC_ALL="C.UTF-8", PYTHONWARNINGS="", HOME=os.environ.get("HOME", "/root"),
    )  # fmt: skip
    return Played(done)
