"""Importing HailoRT: each way in which the installation can be broken has its own words."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import pytest
from hailo_platform.world import World, fresh_world

from cardscanner.embed.hailo_binding import load_binding, release_of
from cardscanner.errors import EmbedderDead


@pytest.fixture(autouse=True)
def world(monkeypatch):
    monkeypatch.setenv("HAILORT_LOGGER_PATH", "NONE")
    with fresh_world() as machine:
        yield machine


@pytest.fixture
def broken_package(tmp_path: Path, monkeypatch):
    """Put another ``hailo_platform`` in front of the double."""

    def install(code: str) -> None:
        package = tmp_path / "site" / "hailo_platform"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(textwrap.dedent(code))
        for name in [name for name in sys.modules if name.split(".")[0] == "hailo_platform"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.syspath_prepend(package.parent)

    return install


def test_a_machine_without_hailort_is_told_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "hailo_platform", None)
    with pytest.raises(EmbedderDead, match=r"apt install hailo-all.*--system-site-packages"):
        load_binding()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "raise ModuleNotFoundError('No module named ...', name='hailo_platform.pyhailort._pyhailort')",
            "no compiled part for Python 3",
        ),
        (
            "raise ImportError('libhailort.so.4.23.0: cannot open shared object file: No such file')",
            "library does not fit.*--reinstall hailo-all",
        ),
        (
            "raise ImportError('_pyhailort version (4.20.0) does not match pyhailort version (4.23.0)')",
            "mixed from two versions.*--reinstall hailo-all",
        ),
        ("import netaddr_that_nobody_has", "install what it misses"),
    ],
)
def test_a_broken_installation_is_told_what_is_broken(broken_package, code: str, words: str):
    broken_package(code)
    with pytest.raises(EmbedderDead, match=words):
        load_binding()


@pytest.mark.parametrize("version", ["4.17.0", "4.19.0", "4.24.0", "5.1.1", "unknown"])
def test_versions_that_we_do_not_know_are_refused(world: World, version: str):
    world.version = version
    with pytest.raises(
        EmbedderDead, match=rf"HailoRT {version} is installed, but Cardscanner works with 4\.20 to 4\.23"
    ):
        load_binding()


@pytest.mark.parametrize("version", ["4.20.0", "4.21.0", "4.23.1"])
def test_versions_that_we_know_are_loaded(world: World, version: str):
    world.version = version
    assert load_binding().version == version


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"LOGS_DIRECTORY": "/var/log/cardscanner:/var/log/b"}, "/var/log/cardscanner"),
        ({"STATE_DIRECTORY": "/var/lib/cardscanner"}, "/var/lib/cardscanner"),
        ({}, "NONE"),
        ({"HAILORT_LOGGER_PATH": "/mine", "LOGS_DIRECTORY": "/var/log/cardscanner"}, "/mine"),
    ],
)
def test_hailorts_log_goes_where_the_service_may_write_unless_somebody_chose(monkeypatch, given, expected):
    for name in ("HAILORT_LOGGER_PATH", "LOGS_DIRECTORY", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    load_binding()
    assert os.environ["HAILORT_LOGGER_PATH"] == expected


def test_a_version_is_compared_by_its_numbers():
    assert release_of("4.23.0") == (4, 23, 0)
    assert release_of("4.9.0") < release_of("4.20.0")
    assert release_of("4.23.0 (release,app)") == (4, 23, 0)
