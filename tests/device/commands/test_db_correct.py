"""``cardscanner db correct``: from an event to a further view of the right card."""

from __future__ import annotations

import json
import shutil
from contextlib import closing

import cv2
import pytest
from daemons import Daemon, looping
from scans import FACTS, scan_event
from small_scanner import card_face, small_scanner

from cardscanner.config import OutboxConfig
from cardscanner.corrections import Corrections
from cardscanner.match import open_database
from cardscanner.publish import Outbox
from cardscanner.publish.scan import store_scan

SHOWN = 3


@pytest.fixture
def box(tmp_path):
    """A scanner whose film shows one card, and its configuration."""
    scanner = small_scanner(tmp_path / "box", shown=(SHOWN,))
    corrections = {"recent": "recent", "keep": 5, "folder": "corrections"}
    scanner.config(camera=looping(), corrections=corrections)
    return scanner


def events(daemon):
    return [line for line in daemon.said() if "event_type" in line]


@pytest.fixture
def correct(cardscanner, box):
    def call(event, card):
        return cardscanner("db", "correct", event, card, "--config", box.root / "cardscanner.yaml")

    return call


def test_a_correction_beside_the_running_scanner_becomes_a_view_of_the_right_card(
    box, correct, cardscanner, tmp_path
):
    config = box.root / "cardscanner.yaml"
    with Daemon(config) as daemon:
        daemon.await_line("card decided", count=8)
        event = events(daemon)[-2]["id"]
        said = correct(event, "card-006")
        assert said.code == 0, said.err
        assert said.out == f"{event}: match card-003 -> card-006; picture {event}.jpg\n"
        assert correct(event, "card-005").code == 0
        said = correct(events(daemon)[0]["id"], "card-006")
        assert said.code == 1
        assert "is not known (any more): it is not among the scans in" in said.err
        assert "the outbox is in use by the scanner" in said.err
        assert len(list((box.root / "recent").glob("*.scan"))) == 5
        assert daemon.stop() == 0
    (line,) = cardscanner("db", "corrections", "--config", config, "--json").lines()
    assert (line["event"], line["card_id"], line["decision"]) == (event, "card-005", "match")
    assert line["candidates"][0] == "card-003"
    assert f"{event}  match card-003 -> card-005" in cardscanner("db", "corrections", "--config", config).out
    picture = cv2.imread(str(box.root / "corrections" / f"{event}.jpg"))
    face = cv2.resize(card_face(SHOWN)[:, :, ::-1], picture.shape[1::-1]).astype(float)
    assert abs(face - picture)[20:-20, 20:-20].mean() < 12

    model = ["--model", box.model, "--threads", 1]
    own = shutil.copytree(box.database, tmp_path / "own")
    with closing(open_database(own)) as database:
        before = database.vectors_at(database.rows_of("card-005")).copy()
        artwork = database.card_of(database.row_of("card-005")).artwork
    said = cardscanner("db", "add", own, "--corrections", box.root / "corrections", "--no-merge", *model)
    assert said.code == 0, said.err
    assert "given views: card-005" in said.out
    with closing(open_database(own)) as database:
        rows = database.rows_of("card-005")
        assert len(rows) == 2
        assert (database.vectors_at(rows)[0] == before[0]).all()
        assert database.card_of(rows.start).artwork == artwork
    assert cardscanner("db", "verify", own).code == 0
    said = cardscanner("db", "add", own, "--corrections", box.root / "corrections", *model)
    assert said.code == 1
    assert "no view that it does not have" in said.err


def test_a_build_takes_the_pictures_of_corrections_too(box, cardscanner, tmp_path):
    faces = tmp_path / "faces"
    faces.mkdir()
    for number in range(4):
        cv2.imwrite(str(faces / f"card-{number}.png"), card_face(number))
    scan = {"candidates": ["x"], "decision": "match", "database": "1", "at": "now"}
    lines = [{"event": str(n), "card_id": card, "file": file, **scan} for n, (card, file) in enumerate(
        [("card-2", "0.jpg"), ("card-2", None), ("nobody", "0.jpg")])]  # fmt: skip
    (tmp_path / "corrections").mkdir()
    (tmp_path / "corrections" / "corrections.jsonl").write_text("\n".join(map(json.dumps, lines)))
    cv2.imwrite(str(tmp_path / "corrections" / "0.jpg"), card_face(9))
    said = cardscanner(
        "db", "build", faces, "--out", tmp_path / "db", "--model", box.model, "--threads", 1,
        "--no-pictures", "--corrections", tmp_path / "corrections",
    )  # fmt: skip
    assert said.code == 0, said.err
    with closing(open_database(tmp_path / "db")) as database:
        assert (database.manifest.cards, database.manifest.rows) == (4, 5)
        assert len(database.rows_of("card-2")) == 2
    said = cardscanner("db", "add", tmp_path / "db", "--corrections", tmp_path)
    assert (said.code, "there are no corrections" in said.err) == (1, True)


def test_an_event_that_waits_in_the_outbox_of_a_stopped_scanner_is_known(box, correct, cardscanner):
    with closing(Outbox.open(OutboxConfig(path=box.outbox))) as outbox:
        stamp = store_scan(outbox, scan_event(4), FACTS)
    said = correct(stamp.id, "card-001")
    assert said.code == 0
    assert said.out == f"{stamp.id}: match base1-4 -> card-001; no picture was kept\n"


def test_events_and_cards_that_are_not_known_are_refused_and_nothing_is_stored(box, correct):
    for event, says in [
        ("x", "is no event id"),
        ("../../etc/passwd", "is no event id"),
        ("0" * 26, "is not known"),
    ]:
        said = correct(event, "card-001")
        assert (said.code, says in said.err) == (1, True)
    with closing(Outbox.open(OutboxConfig(path=box.outbox))) as outbox:
        stamp = store_scan(outbox, scan_event(4), FACTS)
    said = correct(stamp.id, "nobody")
    assert said.code == 1
    assert "there is no card nobody; add it first" in said.err
    assert Corrections(box.root / "corrections").all() == []


def test_a_damaged_line_is_told(box, cardscanner):
    (box.root / "corrections").mkdir()
    (box.root / "corrections" / "corrections.jsonl").write_text('{"event": "x"}\n')
    said = cardscanner("db", "corrections", "--config", box.root / "cardscanner.yaml")
    assert said.code == 1
    assert "corrections.jsonl, line 1: no correction" in said.err
