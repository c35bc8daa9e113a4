"""The Pi's wheelhouses, on an emulated Cortex-A76 with the Python and the numpy of the Pi's own system."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from dist_products import CACHE, ROOT, TARGETS, house_of

from cardscanner.shipped import shipped_database, shipped_model
from cardscanner_tools.dist.pip_runs import only_for, run_pip
from cardscanner_tools.dist.sysroot import unpacked

pytestmark = [pytest.mark.dist, pytest.mark.timeout(900)]
EMULATOR = "qemu-aarch64-static"


class Emulated:
    """A Debian's Python with an installed wheelhouse."""

    def __init__(self, target, house, folder):
        self.target = target
        self.root = unpacked(
            target, ["python3", "python3-numpy", "libstdc++6"], CACHE / f"system-{target.name}", whole=True
        )
        self.installed = folder
        # Hashes, tags and names are pip's to judge, as on the box.
        run_pip(
            *(
                "install",
                "--target",
                str(folder),
                *only_for(target),
                "--no-deps",
                "--no-index",
                "--require-hashes",
            ),
            *("--find-links", str(house), "-r", str(house / "requirements.txt")),
        )

    def run(self, *arguments):
        libraries = self.root / "usr" / "lib" / "aarch64-linux-gnu"
        done = subprocess.run(
            [EMULATOR, "-cpu", "cortex-a76", "-E", f"LD_LIBRARY_PATH={libraries / 'blas'}:{libraries / 'lapack'}",
             self.root / "usr" / "bin" / f"python{self.target.system.python}", *arguments],
            env={"PATH": os.environ["PATH"], "QEMU_LD_PREFIX": str(self.root), "PYTHONPATH": str(self.installed),
                 "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(self.installed)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(
    scope="module", params=[each for each in TARGETS if each.machine == "aarch64"], ids=lambda each: each.name
)
def emulated(request, signed, tmp_path_factory):
    if shutil.which(EMULATOR) is None:
        pytest.skip(f"{EMULATOR} is missing: apt install qemu-user-static")
    return Emulated(request.param, house_of(signed, request.param), tmp_path_factory.mktemp("installed"))


def test_everything_imports_and_known_cards_are_recognised(emulated):
    said = json.loads(
        emulated.run(
            Path(__file__).with_name("emulated.py"), shipped_database(), shipped_model()
        ).splitlines()[-1]
    )
    system = emulated.target.system
    assert said["machine"] == "aarch64"
    assert said["python"].startswith(f"{system.python}.")
    assert said["numpy"] == [
        system.numpy,
        str(emulated.root / "usr/lib/python3/dist-packages/numpy/__init__.py"),
    ]
    assert said["nearest"] == [7]
    assert said["denormal"] > 0
    assert said["resized"] == [4, 4, 3]
    assert said["dot"] == 16
    assert "CPUExecutionProvider" in said["onnx"]
    assert said["recognised"] == [3, 3]


def test_the_program_says_its_version(emulated):
    version = (ROOT / "pyproject.toml").read_text().split('\nversion = "')[1].split('"')[0]
    assert version in emulated.run("-m", "cardscanner", "--version")
