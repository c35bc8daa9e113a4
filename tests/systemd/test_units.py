"""The units as systemd reads them: no complaint, and an exposure of at most 2.0.

On this machine's own systemd; and, by name with `make test-systemd`, on those of both releases of Raspberry Pi OS.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "systemd"
MOST_EXPOSED = 2.0
SERVICES = ["cardscanner.service", "cardscanner-update.service"]
ALL = sorted(path.name for path in UNITS.glob("cardscanner*.*") if path.is_file())
RELEASES = {"bookworm": 252, "trixie": 257}


class Here:
    """This machine's systemd."""

    def __init__(self, folder):
        self.folder = folder
        self.seen = folder

    def run(self, *command):
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "SYSTEMD_LOG_TARGET": "console"},
        )


class Chroot(Here):
    """The systemd of another release, in a folder."""

    def __init__(self, root):
        super().__init__(root / "tmp" / "units")
        self.seen = Path("/tmp/units")
        self.root = root
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def run(self, *command):
        return super().run("chroot", str(self.root), *command)


@pytest.fixture(
    params=[
        "here",
        *(pytest.param(name, marks=[pytest.mark.systemd, pytest.mark.timeout(900)]) for name in RELEASES),
    ]
)
def machine(request, tmp_path):
    if request.param == "here":
        if shutil.which("systemd-analyze") is None:
            pytest.skip("this machine has no systemd-analyze")
        there = Here(tmp_path)
    else:
        there = Chroot(chroot_of(request.param))
        found = int(there.run("systemctl", "--version").stdout.split()[1])
        assert found == RELEASES[request.param]
    lay_down(there)
    return there


def chroot_of(release):
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("making another release needs root and debootstrap")
    folder = Path(os.environ.get("CARDSCANNER_SYSTEMD", ROOT / "out" / "systemd")) / f"units-{release}"
    subprocess.run([ROOT / "tools" / "systemd_chroot.sh", release, folder], check=True)
    return folder


def lay_down(machine):
    """Copy the units; the program that they start is not installed there, and `verify` asks for it."""
    program = machine.folder / "python"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in ALL:
        text = (UNITS / name).read_text()
        text = text.replace("/opt/cardscanner/venv/bin/python", str(machine.seen / "python"))
        (machine.folder / name).write_text(text)
    shutil.copytree(UNITS / "cardscanner.service.d", machine.folder / "cardscanner.service.d")


@pytest.mark.parametrize("unit", ALL)
def test_systemd_has_no_complaint_about_a_unit(machine, unit):
    said = machine.run("systemd-analyze", "verify", "--man=no", str(machine.seen / unit))
    ours = [line for line in (said.stdout + said.stderr).splitlines() if "cardscanner" in line]
    assert ours == []
    assert said.returncode == 0, said.stderr


def test_a_mistake_would_be_noticed(machine):
    unit = machine.folder / "cardscanner.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=30", "WatchdogSec=soon\nWatchDogSec=30"))
    said = machine.run("systemd-analyze", "verify", "--man=no", str(machine.seen / unit.name))
    assert "soon" in said.stderr
    assert "WatchDogSec" in said.stderr


@pytest.mark.parametrize("unit", SERVICES)
def test_a_service_is_exposed_as_little_as_promised(machine, unit):
    said = machine.run(
        "systemd-analyze", "security", "--offline=true", "--no-pager", str(machine.seen / unit)
    )
    level = float(re.search(r"exposure level for \S+: ([0-9.]+)", said.stdout)[1])
    print(f"{unit}: {level}")
    assert level <= MOST_EXPOSED


def settings_of(unit):
    return [
        line for line in (UNITS / unit).read_text().splitlines() if "=" in line and not line.startswith("#")
    ]


def test_the_only_devices_are_camera_and_chip():
    devices = {line for line in settings_of("cardscanner.service") if line.startswith("Device")}
    assert devices == {
        "DevicePolicy=closed",
        "DeviceAllow=char-video4linux rw",
        "DeviceAllow=char-media rw",
        "DeviceAllow=char-dma_heap rw",
        "DeviceAllow=char-hailo rw",
    }


def test_a_mistake_that_a_person_must_mend_is_never_tried_again_and_everything_else_is():
    unit = settings_of("cardscanner.service")
    assert "RestartPreventExitStatus=65 78" in unit
    assert {
        "Restart=on-failure",
        "StartLimitBurst=5",
        "StartLimitIntervalSec=2min",
        "OnFailure=cardscanner-retry.service",
    } <= set(unit)
    start = next(line for line in settings_of("cardscanner-retry.service") if line.startswith("ExecStart="))
    command = start.split("'")[1].replace("/bin/systemctl", "echo")
    for status, tried in {
        "65": "",
        "78": "",
        **dict.fromkeys(("1", "ABRT", ""), "restart cardscanner-retry.timer\n"),
    }.items():
        said = subprocess.run(
            ["/bin/sh", "-c", command],
            env={"MONITOR_EXIT_STATUS": status},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout == tried


def test_the_chip_is_for_the_group_of_the_cameras_whatever_hailos_own_rule_says():
    (rules,) = (UNITS / "udev").glob("*.rules")
    assert rules.name > "51-hailo-udev.rules"
    assert 'SUBSYSTEM=="hailo_chardev", MODE="0660", GROUP="video"' in rules.read_text()
