"""The real daemon while its database is changed under it: not one frame is missed, no card told twice."""

from __future__ import annotations

import cv2
import pytest
from daemons import Daemon, looping
from small_scanner import card_face, small_scanner

from cardscanner.cli import main
from cardscanner.manifest import load_database_manifest

SHOWN = (3, 7, 11)


@pytest.fixture
def scanner(tmp_path):
    return small_scanner(tmp_path / "scanner", shown=SHOWN)


def db(*arguments):
    assert main(["db", *map(str, arguments)]) == 0


def test_add_remove_replace_and_merge_are_taken_up_without_missing_a_frame(scanner, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    for number in (20, 21):
        cv2.imwrite(str(new / f"card-{number:03d}.png"), card_face(number)[:, :, ::-1])
    model = ["--model", scanner.model, "--threads", 1]
    with Daemon(scanner.config(camera=looping())) as daemon:
        daemon.await_line("card decided", count=4)
        for count, change in enumerate(
            [
                ("add", scanner.database, new, "--no-merge", *model),
                ("remove", scanner.database, "card-000", "--no-merge"),
                ("replace", scanner.database, new, "--no-merge", *model),
                ("merge", scanner.database),
            ],
            start=1,
        ):
            db(*change)
            taken = daemon.await_line("new database in use", count=count)
            assert taken["version"] == load_database_manifest(scanner.database).version
            daemon.await_line("card decided", count=len(daemon.said("card decided")) + 4)
        assert daemon.stop() == 0
    decided = [each["card"] for each in daemon.said("card decided")]
    expected = [f"card-{SHOWN[number % 3]:03d}" for number in range(len(decided))]
    assert decided == expected
    assert len(daemon.said("ready")) == 1
    (stopped,) = daemon.said("stopped")
    assert stopped["frames_skipped"] == 0
