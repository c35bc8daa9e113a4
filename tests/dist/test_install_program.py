"""install-program on Debian 12 and 13, in walls like those of the scanner's unit: no network, a system that is read-only."""

import shutil
import time

import pytest
from dist_products import CACHE, ROOT, TARGETS, house_of
from walled_boxes import WalledBox, missing_for_walls

pytestmark = [pytest.mark.dist, pytest.mark.timeout(900)]
INSTALLER = "/opt/cardscanner/install-program"
HOUSE = "/var/lib/cardscanner/releases/program/incoming/0.1.0"
PYTHON = f"{HOUSE}/venv/bin/python"


@pytest.fixture(
    params=[each for each in TARGETS if each.machine == "x86_64"], ids=lambda each: each.system.release
)
def box(request, signed, tmp_path):
    """A box on which the updater has just fetched and verified a program."""
    if missing := missing_for_walls():
        pytest.skip(f"missing: {missing}")
    box = WalledBox(request.param.system.release, tmp_path, CACHE)
    box.target = request.param
    box.put(ROOT / "ansible/roles/cardscanner/files/install-program", INSTALLER)
    box.house = box.put(house_of(signed, request.param), HOUSE)
    box.own(box.state)
    return box


def test_the_program_runs_with_the_systems_numpy_and_nothing_else_was_written(box):
    before = {path for path in (box.disk / "upper").rglob("*") if not path.is_relative_to(box.state)}
    box.run(f"{INSTALLER} {HOUSE} 0.1.0")
    said = box.run(
        f"{PYTHON} -c 'import numpy, cv2, sys; print(numpy.__version__, numpy.__file__, cv2.__file__)'"
    ).stdout
    version, numpy, cv2 = said.split()
    assert version == box.target.system.numpy
    assert numpy == "/usr/lib/python3/dist-packages/numpy/__init__.py"
    assert cv2.startswith(f"{HOUSE}/venv/lib/")
    assert box.run(f"{PYTHON} -m cardscanner --version").stdout.split()[-1] == "0.1.0"
    after = {path for path in (box.disk / "upper").rglob("*") if not path.is_relative_to(box.state)}
    assert after == before
    assert not (box.house / "venv" / "tmp").exists()
    site = next((box.house / "venv" / "lib").glob("python3*/site-packages"))
    assert (site / "cardscanner" / "__pycache__").is_dir()  # the service may not write it
    # What is compiled in floats must not change how the whole process rounds.
    assert (
        float(
            box.run(
                f"{PYTHON} -c 'import annoy, numpy as n; print(n.finfo(n.float32).smallest_subnormal)'"
            ).stdout
        )
        > 0
    )


def test_it_still_runs_after_the_updater_has_moved_it(box):
    box.run(f"{INSTALLER} {HOUSE} 0.1.0")
    (box.house.parents[1] / "releases").mkdir()
    box.house.rename(box.house.parents[1] / "releases" / "0.1.0")
    moved = PYTHON.replace("incoming", "releases")
    assert box.run(f"{moved} -m cardscanner --version").stdout.split()[-1] == "0.1.0"


def test_a_wheel_with_another_hash_is_refused_with_the_reason(box):
    requirements = box.house / "requirements.txt"
    lines = requirements.read_text().splitlines()
    line = next(each for each in lines if each.startswith("idna=="))
    wrong = line[:-64] + next(each for each in lines if each.startswith("tqdm=="))[-64:]
    requirements.write_text("\n".join(wrong if each == line else each for each in lines))
    done = box.run(f"{INSTALLER} {HOUSE} 0.1.0", check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        "install-program: pip could not install 0.1.0: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"
    )
    assert not (box.house / "venv").exists()


def test_what_is_not_in_the_wheelhouse_is_not_fetched_and_a_program_that_lacks_it_is_refused(box):
    requirements = box.house / "requirements.txt"
    lines = requirements.read_text().splitlines()
    requirements.write_text("\n".join(line for line in lines if not line.startswith("structlog==")))
    done = box.run(f"{INSTALLER} {HOUSE} 0.1.0", check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "install-program: 0.1.0 does not run on this system: ModuleNotFoundError: No module named 'structlog'"
    )
    assert not (box.house / "venv").exists()


def test_a_numpy_in_the_wheelhouse_that_hides_the_systems_is_refused(box):
    box.run(f"{INSTALLER} {HOUSE} 0.1.0")
    script = (ROOT / "ansible/roles/cardscanner/files/install-program").read_text()
    check = script.split("<<'EOF'\n")[1].split("EOF\n")[0]
    site = next((box.house / "venv" / "lib").glob("python3*/site-packages"))
    shutil.copytree(box.base / "usr/lib/python3/dist-packages/numpy", site / "numpy")
    (box.house / "check.py").write_text(check)
    done = box.run(f"{PYTHON} {HOUSE}/check.py {HOUSE}/venv", check=False)
    assert done.returncode == 1
    assert "hides the system's" in done.stderr


@pytest.mark.parametrize(
    "reached",
    [
        "venv/tmp",
        "venv/bin/pip",
        "venv/lib/python3*/site-packages/annoy",
        "venv/lib/python3*/site-packages/cardscanner/__pycache__",
    ],
)
def test_killed_anywhere_it_is_made_whole_by_the_next_run(box, reached):
    first = box.start(f"{INSTALLER} {HOUSE} 0.1.0")
    while not any(box.house.glob(reached)):
        assert first.poll() is None
        time.sleep(0.02)
    box.kill(first)
    assert not (box.house / "venv" / ".finished").exists()
    box.run(f"{INSTALLER} {HOUSE} 0.1.0")
    assert box.run(f"{PYTHON} -m cardscanner --version").stdout.split()[-1] == "0.1.0"
    assert (box.house / "venv" / ".finished").is_file()


def test_people_s_settings_of_pip_and_python_do_not_count(box):
    box.run(
        f"export PIP_TARGET=/nowhere PIP_REQUIRE_VIRTUALENV=1 PIP_NO_BINARY=:all: PYTHONPATH=/nowhere PYTHONHOME=/nowhere; "
        f"unset PYTHONHOME; {INSTALLER} {HOUSE} 0.1.0"
    )
    assert box.run(f"{PYTHON} -m cardscanner --version").stdout.split()[-1] == "0.1.0"


def test_a_place_of_its_own_for_the_way_out_of_a_broken_program(box):
    box.run(f"{INSTALLER} {HOUSE} 0.1.0 /opt/cardscanner/rescue", as_root=True)
    assert (
        box.run("/opt/cardscanner/rescue/bin/python -m cardscanner --version").stdout.split()[-1] == "0.1.0"
    )
    assert not (box.house / "venv").exists()


def test_a_folder_without_requirements_is_no_wheelhouse(box):
    (box.house / "requirements.txt").unlink()
    done = box.run(f"{INSTALLER} {HOUSE} 0.1.0", check=False)
    assert done.returncode == 1
    assert done.stderr == f"install-program: {HOUSE} has no requirements.txt: it is no wheelhouse\n"


def test_a_program_that_does_not_take_this_boxs_configuration_is_refused(box):
    configured = box.disk / "upper/etc/cardscanner/cardscanner.yaml"
    configured.parent.mkdir(parents=True)
    configured.write_text("camera: {backend: replay, path: /film.mp4, colour: blue}\n")
    done = box.run(f"{INSTALLER} {HOUSE} 0.1.0", check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "install-program: 0.1.0 does not take /etc/cardscanner/cardscanner.yaml: "
    )
    assert "colour" in done.stderr
