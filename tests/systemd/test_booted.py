"""The appliance under a real systemd: a Debian 12 that is booted in an emulated machine and checks itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.systemd
@pytest.mark.timeout(3600)
def test_a_booted_appliance_keeps_every_promise_of_its_units(tmp_path):
    missing = [name for name in ("debootstrap", "qemu-system-x86_64", "mke2fs") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"booting a machine needs root, and: {', '.join(missing) or 'nothing else'}")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the packages are made here for Debian 12's Python, 3.11")
    work = Path(os.environ.get("CARDSCANNER_SYSTEMD", ROOT / "out" / "systemd"))
    done = subprocess.run(
        [HERE / "boot.sh", work], env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True, check=False
    )  # fmt: skip
    print(done.stdout)
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("FAIL")] == [], done.stderr
    assert lines, done.stderr
    assert lines[-1].endswith(" 0 failed")
    assert sum(line.startswith("ok ") for line in lines) >= 40
    assert done.returncode == 0
