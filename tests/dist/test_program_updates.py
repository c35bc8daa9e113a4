"""Programs that replace each other on a box: signed, installed, on trial, kept or taken back, within the unit's walls."""

import json
import shutil
import time

import pytest
import yaml
from dist_products import CACHE, ROOT, TARGETS, changed_wheel, house_of
from walled_boxes import WalledBox, missing_for_walls

from cardscanner_tools.dist.wheelhouse import write_requirements
from cardscanner_tools.dist.wheels import read_wheel
from cardscanner_tools.release.bundle import About, find_source, write_release
from cardscanner_tools.release.index_command import write_index
from cardscanner_tools.release.secret_key import new_key, read_key

pytestmark = [pytest.mark.dist, pytest.mark.timeout(1200)]
FIRST, GOOD, CRASHES, UNFIT = "0.1.0", "0.1.1", "0.1.2", "0.1.3"
RELEASES = "/var/lib/cardscanner/releases"
CONFIG = "/etc/cardscanner/cardscanner.yaml"
STRANGERS = "/etc/cardscanner/strangers.yaml"
"""Trusts another key."""
CONFIGURED = {
    "device_id": "counter",
    "game": "invented",
    "camera": {"backend": "replay", "path": "/srv/film.mp4", "loop": True},
    "embedder": {"backend": "onnx", "model": f"{RELEASES}/model/current", "threads": 1},
    "index": {"database": f"{RELEASES}/database/current"},
    "publish": {"backend": "stdout"},
    "updates": {"source": "/srv/site", "installer": "/opt/cardscanner/install-program"},
}
RESCUE = "/opt/cardscanner/rescue/bin/python -m cardscanner"
PROGRAM = "/opt/cardscanner/venv/bin/python -m cardscanner"
SERVICE = f"while ! {PROGRAM} run >>/var/lib/cardscanner/said 2>&1; do sleep 2; done"
"""What systemd does with the unit: Restart=on-failure, RestartSec=2."""


def newer_house(house, into, version, files=None, left_out=""):
    """Return a wheelhouse with another version of the program, some of whose files are changed."""
    shutil.copytree(house, into)
    (old,) = into.glob("cardscanner-*.whl")
    source = ROOT / "device" / "cardscanner" / "__init__.py"
    init = {"cardscanner/__init__.py": source.read_text().replace(f'"{FIRST}"', f'"{version}"')}
    changed_wheel(old, into, version, {**init, **(files or {})})
    old.unlink()
    wheels = [read_wheel(path) for path in sorted(into.glob("*.whl"))]
    write_requirements(into, [each for each in wheels if each.name != left_out])
    return into


@pytest.fixture(
    scope="module",
    params=[each for each in TARGETS if each.machine == "x86_64"],
    ids=lambda each: each.system.release,
)
def target(request):
    return request.param


@pytest.fixture(scope="module")
def site(target, signed, tmp_path_factory):
    """What was signed for every target, and three more programs for this one.

    Wheels for others are left out: nobody gets so far as to fetch them.
    """
    work = tmp_path_factory.mktemp("site")
    site = work / "site"
    others = [f"cardscanner-{each.name}" for each in TARGETS if each != target]
    shutil.copytree(
        signed / "site", site,
        ignore=lambda folder, names: [
            each for each in names if each.endswith(".whl") and any(other in folder for other in others)
        ],
    )  # fmt: skip
    key = read_key(signed.parent / "keys" / "release.key", None)
    house = house_of(signed, target)
    daemon = (ROOT / "device" / "cardscanner" / "daemon.py").read_text()
    crashing = f"{daemon}\n\ndef _serve(*_):\n    raise RuntimeError('a mistake of this version')\n"
    about = About(python=(target.system.python,), machine=target.machine)
    for fresh in (
        newer_house(house, work / GOOD, GOOD),
        newer_house(house, work / CRASHES, CRASHES, {"cardscanner/daemon.py": crashing}),
        newer_house(house, work / UNFIT, UNFIT, left_out="structlog"),
    ):
        source = find_source(fresh, f"cardscanner-{target.name}", fresh.name)
        write_release(source, site, key, None, about, patches=0)
    write_index(site, key)
    return site


class Shop:
    """A box as it is after provisioning: the first program installed, and the scanner started."""

    def __init__(self, target, site, disk):
        self.box = box = WalledBox(target.system.release, disk, CACHE)
        self.said = box.state / "said"
        program = f"program/cardscanner-{target.name}/{FIRST}"
        box.put(ROOT / "ansible/roles/cardscanner/files/install-program", "/opt/cardscanner/install-program")
        box.put(ROOT / "demo" / "film.mp4", "/srv/film.mp4")
        box.put(site, "/srv/site")
        box.put(site / "release.pub", "/etc/cardscanner/release-keys/release.pub")
        etc = box.disk / "upper" / CONFIG[1:]
        etc.write_text(yaml.safe_dump(CONFIGURED))
        (etc.parent / "strangers").mkdir()
        (etc.parent / "strangers" / "release.pub").write_text(new_key().public.to_text())
        strangers = {**CONFIGURED, "updates": {**CONFIGURED["updates"], "keys": "/etc/cardscanner/strangers"}}
        etc.with_name("strangers.yaml").write_text(yaml.safe_dump(strangers))
        (box.disk / "upper/opt/cardscanner/venv").symlink_to(f"{RELEASES}/program/current/venv")
        box.own(box.state)
        box.run(
            f"/opt/cardscanner/install-program /srv/site/{program} {FIRST} /opt/cardscanner/rescue",
            as_root=True,
        )
        box.run(f"{RESCUE} update install program model database --version {FIRST}")
        self.service = box.start(SERVICE)
        self.wait(lambda: self.change["step"] == "good", 150)

    @property
    def change(self):
        return json.loads((self.box.state / "releases" / "state.json").read_text())["change"]

    @property
    def in_use(self):
        return (self.box.state / "releases" / "program" / "current").readlink().name

    @property
    def started(self):
        """Versions of the program that got ready, in order."""
        lines = self.said.read_text().splitlines()
        return [json.loads(line)["data"]["daemon"] for line in lines if '"event_type":"started"' in line]

    def wait(self, come, most_s):
        end = time.monotonic() + most_s
        while not come():
            assert self.service.poll() is None, self.said.read_text()[-3000:]
            assert time.monotonic() < end, f"{self.change}\n{self.said.read_text()[-3000:]}"
            time.sleep(0.5)

    def install(self, *arguments):
        return self.box.run(f"{PROGRAM} update install {' '.join(arguments)}", check=False)


@pytest.fixture(scope="module")
def shop(target, site, tmp_path_factory):
    if missing := missing_for_walls():
        pytest.skip(f"missing: {missing}")
    shop = Shop(target, site, tmp_path_factory.mktemp("box"))
    yield shop
    shop.box.kill(shop.service)


def other_python(target):
    return next(
        each for each in TARGETS if each.machine == target.machine and each.system is not target.system
    )


def test_a_newer_program_is_installed_takes_over_and_is_kept(shop):
    assert shop.started == [FIRST]
    done = shop.install("program", "--version", GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(": good\n")
    assert shop.in_use == GOOD
    assert shop.started == [FIRST, GOOD]
    libraries = next((shop.box.state / "releases" / "program" / "releases" / GOOD / "venv/lib").iterdir())
    assert (libraries / "site-packages" / f"cardscanner-{GOOD}.dist-info").is_dir()


def test_a_program_that_crashes_goes_back_by_itself_and_is_not_taken_again(shop):
    before = shop.started
    done = shop.install("program", "--version", CRASHES)
    assert done.returncode == 65
    assert f"{CRASHES} was rolled back: the scanner did not get ready in 3 starts" in done.stderr
    assert shop.in_use == before[-1]
    shop.wait(lambda: shop.started == [*before, before[-1]], 60)
    assert "a mistake of this version" in shop.said.read_text()
    again = shop.install("program", "--version", CRASHES)
    assert again.returncode == 65
    assert "was taken back on this box before" in again.stderr


def test_a_program_that_its_installer_finds_wanting_changes_nothing(shop):
    before, started = shop.in_use, shop.started
    done = shop.install("program", "--version", UNFIT)
    assert done.returncode == 65
    assert f"{UNFIT} does not run on this system: ModuleNotFoundError: No module named 'structlog'" in (
        done.stderr
    )
    assert (shop.in_use, shop.started) == (before, started)


def test_a_program_for_another_python_or_machine_is_refused_before_it_travels(shop, target):
    other = other_python(target)
    done = shop.install(f"program=cardscanner-{other.name}", "--allow-downgrade")
    assert done.returncode == 65
    assert f"is for Python {other.system.python}, here is {target.system.python}" in done.stderr
    done = shop.install(f"program=cardscanner-{target.tag}-aarch64", "--allow-downgrade")
    assert done.returncode == 65
    assert "is for aarch64, this machine is x86_64" in done.stderr
    assert not (shop.box.state / "releases" / "program" / "incoming").exists()


def test_a_program_signed_by_somebody_else_is_refused(shop):
    done = shop.install("program", "--config", STRANGERS)
    assert done.returncode == 65
    assert "unknown key: signed with" in done.stderr
