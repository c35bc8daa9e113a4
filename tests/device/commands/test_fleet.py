"""``cardscanner fleet`` as a person or a monitor calls it, with a real broker."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from brokers import Mosquitto, free_port
from fleets import FleetBox, state_of

from cardscanner_tools.crowd.watched import watched_fleet

DOC = Path(__file__).parents[3] / "docs" / "fleet.md"


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


@pytest.fixture
def fleet(cardscanner, broker):
    return lambda *options: cardscanner("fleet", "--host", "127.0.0.1", "--port", broker.port, *options)


def test_boxes_are_shown_with_what_is_wrong_and_what_to_do(fleet, broker):
    with FleetBox(broker.port, "shop-1"), FleetBox(broker.port, "shop-2", reasons=("camera_lost",)):
        table = fleet("--once")
        wrong = fleet("--only", "attention")
        with FleetBox(broker.port, "till-1"):
            named = fleet("--json", "shop-?")
        lines = fleet("--csv")
    assert (table.code, table.err) == (0, "")
    assert "2 boxes, 2 online, 1 needs attention, 240 scans/h" in table.out
    assert [line.split()[0] for line in table.out.splitlines()[2:]] == ["shop-2", "shop-1"]
    assert "shop-1" not in wrong.out
    assert "press the camera's cable in" in " ".join(wrong.out.split())
    assert [row["device"] for row in json.loads(named.out)["rows"]] == ["shop-2", "shop-1"]
    assert next(csv.DictReader(io.StringIO(lines.out)))["device"] == "shop-2"


def test_check_says_in_the_exit_code_whether_all_is_well(fleet, broker):
    with FleetBox(broker.port, "shop-1"):
        assert fleet("--check").code == 0
        missing = fleet("--check", "--expect", "shop-9")
        assert (missing.code, "shop-9" in missing.out) == (101, True)


def test_an_empty_fleet_is_not_well(fleet):
    assert fleet("--check").code == 101


def test_a_broker_that_is_not_there_is_named(cardscanner):
    said = cardscanner("fleet", "--once", "--wait", 1, "--host", "127.0.0.1", "--port", free_port())
    assert (said.code, "nothing listens there" in said.err, "--port" in said.err) == (1, True, True)


def test_a_name_that_no_box_can_have_is_refused(cardscanner):
    assert cardscanner("fleet", "--expect", "Shop 1").code == 78


def test_a_terminal_shows_boxes_that_go_and_come_and_a_broker_that_restarts(broker, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    with FleetBox(broker.port, "shop-1"), watched_fleet(broker.port) as terminal:
        with FleetBox(broker.port, "shop-2") as second:
            assert terminal.wait_for(lambda seen: "2 online" in seen, 30) is not None, terminal.picture
            second.says(state_of(reasons=("camera_black",)))
            assert terminal.wait_for(lambda seen: "picture is black" in seen, 10) is not None, (
                terminal.picture
            )
        assert terminal.wait_for(lambda seen: "offline since" in seen, 10) is not None, terminal.picture
        broker.kill()
        assert terminal.wait_for(lambda seen: "(not connected)" in seen, 10) is not None, terminal.picture
        broker.start()
        with FleetBox(broker.port, "shop-3"):
            back = terminal.wait_for(lambda seen: "shop-3" in seen and "not connected" not in seen, 30)
            assert back is not None, terminal.picture


def test_the_page_about_it_names_every_field_of_the_json(fleet, broker):
    with FleetBox(broker.port, "shop-1"):
        document = json.loads(fleet("--json").out)
    text = DOC.read_text(encoding="utf-8")
    for name in [*document, *document["rows"][0]]:
        assert f"`{name}`" in text, name
