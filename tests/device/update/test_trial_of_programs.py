"""A program on trial that cannot serve: taken back, and a new process starts the one before."""

import json
import os
import subprocess
import sys

import pytest
from releasing import Box, workshop_and_scanner

from cardscanner.daemon import Signals
from cardscanner.errors import ArtifactError
from cardscanner.update.plan import Wish
from cardscanner.update.state import load_state
from cardscanner.update.trial import serve_on_trial
from cardscanner_tools.release.bundle import About, find_source, write_release


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Two versions of a program and of a database."""
    root = tmp_path_factory.mktemp("shop")
    shop = workshop_and_scanner(root)
    house = root / "wheelhouse"
    house.mkdir()
    (house / "requirements.txt").write_text("cardscanner\n")
    for version in ("1.5.0", "1.6.0"):
        write_release(find_source(house, version=version), shop.site, shop.key, None, About())
    test = shop.test_of_the_good()
    for version in ("1.0", "1.1"):
        shop.database(version, self_test=test)
    shop.index()
    return shop


@pytest.fixture
def box(shop, tmp_path):
    """A box with the older of each, which are good."""
    installer = tmp_path / "installer"
    installer.write_text(f"#!/bin/sh\n{sys.executable} -m venv --without-pip $1/venv\n")
    installer.chmod(0o755)
    updates = {"source": str(shop.site), "keys": "keys", "timeout_s": 2, "installer": str(installer)}
    box = Box(tmp_path / "box", shop, updates=updates)
    box.updater.install([Wish("program", "1.5.0"), Wish("database", "1.0")])
    return box


def serving(failures):
    """A scanner that fails so often, and then is asked to stop."""
    left = iter(range(failures))

    def serve():
        for _ in left:
            raise ArtifactError("the model cannot be opened")

    return serve


def test_a_program_that_cannot_serve_is_taken_back_and_the_one_before_is_started(box):
    box.updater.install([Wish("program")])
    assert box.releases.in_use("program") == "1.6.0"
    signals = Signals()
    assert serve_on_trial(box.config, serving(9), signals) is None
    assert signals.restart
    assert box.releases.in_use("program") == "1.5.0"
    change = load_state(box.releases).change
    assert change.step == "rolled_back"
    assert "the model cannot be opened" in change.why


def test_a_database_is_taken_back_without_a_new_process(box):
    box.updater.install([Wish("database")])
    signals = Signals()
    assert serve_on_trial(box.config, serving(1), signals) is None
    assert not signals.restart
    assert box.in_use() == "1.0"


def test_without_a_trial_a_failure_stays_a_failure(box):
    with pytest.raises(ArtifactError, match="cannot be opened"):
        serve_on_trial(box.config, serving(1), Signals())
    assert box.releases.in_use("program") == "1.5.0"


BEGIN = """
import json, sys
from pathlib import Path
from cardscanner.configfile import load_config
from cardscanner.update.trial import begin
print(json.dumps([begin(load_config(Path(sys.argv[1]))) for _ in range(int(sys.argv[2]))]))
"""


def begun(box, starts):
    """Let the program in use begin so often; return what each begin said."""
    python = box.releases.current("program") / "venv" / "bin" / "python"
    done = subprocess.run(
        [python, "-c", BEGIN, box.path, str(starts)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def test_a_program_that_is_taken_back_as_it_starts_lets_the_one_before_start_instead(box):
    assert begun(box, 1) == [False]
    box.updater.install([Wish("program")])
    assert begun(box, 4) == [False, False, False, True]
    assert box.releases.in_use("program") == "1.5.0"
    assert begun(box, 1) == [False]
