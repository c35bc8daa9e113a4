"""The newest scans: kept with their pictures, the oldest go, and a full disk stops nothing."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from scans import scan_event
from small_scanner import card_face, photo
from structlog.testing import capture_logs

from cardscanner.config import CorrectionsConfig
from cardscanner.recent import RecentScans, picture_of, read_recent, recent_scans
from cardscanner.records import Frame


def test_a_scan_is_read_as_it_was_kept(tmp_path):
    RecentScans(tmp_path / "recent", 3).add("01A", scan_event(4), "7", b"jpeg")
    scan = read_recent(tmp_path / "recent", "01A")
    assert (scan.id, scan.decision, scan.database, scan.picture) == ("01A", "match", "7", b"jpeg")
    assert scan.candidates[:2] == ("base1-4", "base1-5")


def test_only_the_newest_stay_also_after_a_restart(tmp_path):
    for start in (0, 4):
        kept = RecentScans(tmp_path, 3)
        for number in range(start, start + 4):
            kept.add(f"01{number}", scan_event(number), "7", None)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["015.scan", "016.scan", "017.scan"]
    assert read_recent(tmp_path, "017").picture is None


@pytest.mark.parametrize("content", [None, "", "{", "{}", "[]", '{"id": "01A", "picture": "%"}'])
def test_a_scan_that_is_not_there_or_only_in_part_is_not_known(tmp_path, content):
    if content is not None:
        (tmp_path / "01A.scan").write_text(content)
    assert read_recent(tmp_path, "01A") is None
    assert read_recent(tmp_path, "../01A") is None


def test_a_folder_that_takes_nothing_is_told_once_and_stops_nothing(tmp_path):
    (tmp_path / "recent").write_text("a file")
    kept = RecentScans(tmp_path / "recent", 3)
    with capture_logs() as logs:
        for number in range(3):
            kept.add(f"01{number}", scan_event(number), "7", b"jpeg")
    assert [each["log_level"] for each in logs] == ["warning"]


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path):
    assert recent_scans(CorrectionsConfig()) is None
    assert recent_scans(CorrectionsConfig(recent=tmp_path)) is not None


def test_the_picture_is_the_upright_card_of_the_deciding_frame():
    import cv2

    corners = np.array([[200, 80], [420, 80], [420, 388], [200, 388]], np.float32) - 0.5
    frame = Frame(photo(5), 1, time.monotonic_ns(), "top")
    event = replace(scan_event(1), corners=corners)
    shown = cv2.imdecode(np.frombuffer(picture_of(event, frame), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    face = cv2.resize(card_face(5), shown.shape[1::-1]).astype(float)
    assert abs(face - shown)[20:-20, 20:-20].mean() < 8
    assert picture_of(replace(event, in_view=False), frame) is None
