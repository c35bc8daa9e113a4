"""A real Home Assistant, a real broker, and the publisher: what a person sees after plugging the box in."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import pytest
from brokers import Mosquitto, free_port
from daemons import QUICK, Daemon, mqtt
from listeners import Listener
from publishing import Publishing
from scans import DEVICE, store
from small_scanner import small_scanner

from cardscanner.publish.payload_update import ChangePayload, UpdatePayload

pytestmark = pytest.mark.homeassistant

CHILD = Path(__file__).parents[1] / "homeassistant_child.py"
ROOT = Path(__file__).parents[2]


class HomeAssistant:
    """Runs until the block ends."""

    def __init__(self, folder: Path, broker: Mosquitto, device: str = DEVICE) -> None:
        folder.mkdir(exist_ok=True)
        self._start = f"cardscanner_{device}_"
        python = os.environ.get("HOMEASSISTANT_PYTHON") or ROOT / ".venv-homeassistant" / "bin" / "python"
        assert Path(python).exists(), "Home Assistant is not installed; run: make test-homeassistant"
        arguments = [str(python), str(CHILD), str(folder), str(broker.port), str(free_port())]
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._log = folder / "log"
        self.version = self._read()["version"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write('{"do": "stop"}\n')
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def ask(self, do: str, **more: Any) -> Any:
        """Ask for something, see the child."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def states(self) -> dict[str, dict[str, Any]]:
        """Every entity of the scanner, by the last part of its unique id."""
        return {each["unique_id"].removeprefix(self._start): each for each in self.ask("states")}

    def wait_for(self, done, timeout_s: float = 30.0) -> dict[str, dict[str, Any]]:
        """Wait until the entities fulfil a condition."""
        end_s = time.monotonic() + timeout_s
        while not done(states := self.states()):
            assert time.monotonic() < end_s, json.dumps(states, indent=1)[:4000]
            time.sleep(0.1)
        return states

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._log.read_text(errors="replace")[-4000:]
        return json.loads(line)


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def test_a_scanner_appears_as_one_device_and_shows_what_it_sees(tmp_path, broker):
    with HomeAssistant(tmp_path / "home", broker) as home, Publishing(tmp_path, broker) as publishing:
        states = home.wait_for(lambda states: states.get("scanning", {}).get("state") == "on")
        assert set(states) == {
            "scan",
            "last",
            "camera",
            "accelerator",
            "problem",
            "outbox",
            "scanning",
            "database",
        }
        kinds = {key: state["entity_id"].split(".")[0] for key, state in states.items()}
        assert kinds["scan"] == "event"
        assert kinds["database"] == "update"
        assert [states[key]["state"] for key in ("camera", "accelerator", "problem")] == ["off"] * 3
        (device,) = home.ask("devices")
        assert (device["name"], device["model"]) == (f"Card scanner {DEVICE}", "test bench")
        assert home.ask("triggers", device=device["id"]) == ["ambiguous", "match", "no_match"]

        store(publishing.outbox, 1)
        states = home.wait_for(lambda states: states["last"]["state"] == "Card 1")
        assert states["scan"]["attributes"]["event_type"] == "match"
        assert states["scan"]["attributes"]["card"]["card_id"] == "base1-1"
        assert states["last"]["attributes"]["seq"] == 1
        store(publishing.outbox, 1, "no_match")
        home.wait_for(lambda states: states["scan"]["attributes"]["event_type"] == "no_match")
        assert home.ask("fired") == ["match", "no_match"]
        assert home.ask("problems") == []


def test_what_is_wrong_turns_the_problem_sensors_on_and_an_end_makes_all_unavailable(tmp_path, broker):
    with HomeAssistant(tmp_path / "home", broker) as home:
        with Publishing(tmp_path, broker) as publishing:
            home.wait_for(lambda states: states.get("scanning", {}).get("state") == "on")
            publishing.facts.camera = "lost"
            publishing.facts.reasons = ("camera_lost",)
            states = home.wait_for(lambda states: states["camera"]["state"] == "on")
            assert states["problem"]["state"] == "on"
            assert states["problem"]["attributes"]["reasons"] == ["camera_lost"]
        home.wait_for(lambda states: {each["state"] for each in states.values()} == {"unavailable"})


def test_an_update_shows_how_far_it_is_and_what_is_only_ours_does_no_harm(tmp_path, broker):
    told = UpdatePayload(installed_version="1.0", latest_version="1.1", title="Card database cards")
    under_way = told.model_copy(
        update={
            "in_progress": True,
            "update_percentage": 12.5,
            "change": ChangePayload(target="db", step="downloading"),
        }
    )
    said = [under_way]
    with (
        HomeAssistant(tmp_path / "home", broker) as home,
        Publishing(tmp_path, broker, update=lambda: said[-1]),
    ):
        states = home.wait_for(lambda states: states.get("database", {}).get("state") == "on")
        shown = states["database"]["attributes"]
        assert (shown["installed_version"], shown["latest_version"]) == ("1.0", "1.1")
        assert (shown["in_progress"], shown["update_percentage"]) == (True, 12.5)
        said.append(told.model_copy(update={"installed_version": "1.1"}))
        states = home.wait_for(lambda states: states["database"]["state"] == "off")
        assert states["database"]["attributes"]["in_progress"] is False
        assert home.ask("problems") == []


def test_the_switch_asks_the_scanner_to_pause(tmp_path, broker):
    topic = f"cardscanner/{DEVICE}/cmd/scanning"
    with (
        HomeAssistant(tmp_path / "home", broker) as home,
        Listener(broker.port, (topic,)) as listener,
        Publishing(tmp_path, broker),
    ):
        states = home.wait_for(lambda states: states.get("scanning", {}).get("state") == "on")
        target = {"entity_id": states["scanning"]["entity_id"]}
        home.ask("call", domain="switch", service="turn_off", data=target)
        (asked,) = listener.wait_for(lambda heard: len(heard) == 1)
        assert (asked.json(), asked.retain) == ({"on": False}, False)


def test_a_scan_that_is_sent_again_on_request_is_no_news_for_automations(tmp_path, broker):
    with HomeAssistant(tmp_path / "home", broker) as home, Publishing(tmp_path, broker) as publishing:
        home.wait_for(lambda states: states.get("scanning", {}).get("state") == "on")
        (device,) = home.ask("devices")
        home.ask("triggers", device=device["id"])
        with Listener(broker.port, (f"cardscanner/{DEVICE}/scan",)) as listener:
            store(publishing.outbox, 1)
            first = home.wait_for(lambda states: states["last"]["state"] == "Card 1")["scan"]["state"]
            (scan,) = listener.wait_for(lambda heard: len(heard) == 1)
            again = json.dumps({**scan.json(), "replayed": True})
            publish = {"topic": scan.topic, "payload": again, "qos": 1}
            home.ask("call", domain="mqtt", service="publish", data=publish)
            listener.wait_for(lambda heard: len(heard) == 2)
        store(publishing.outbox, 1, "ambiguous")
        states = home.wait_for(lambda states: states["scan"]["state"] != first)
        assert states["scan"]["attributes"]["event_type"] == "ambiguous"
        assert home.ask("fired") == ["match", "ambiguous"]
        assert home.ask("problems") == []


def test_the_real_daemon_is_switched_off_and_on_and_shows_its_picture_and_its_database(tmp_path, broker):
    scanner = small_scanner(tmp_path / "scanner", shown=(3, 7, 11), lie=6, empty=6)
    film = {"backend": "replay", "path": "frames", "loop": True, "fps": 25}
    config = scanner.config(camera=film, decide=QUICK, publish=mqtt(broker, image=True))
    with HomeAssistant(tmp_path / "home", broker, "small") as home, Daemon(config) as daemon:
        states = home.wait_for(lambda states: states.get("last", {}).get("state", "").startswith("card-"), 60)
        assert states["database"]["attributes"]["title"].startswith("Card database")
        assert states["database"]["attributes"]["installed_version"]
        home.wait_for(lambda states: "T" in states["image"]["state"])
        target = {"entity_id": states["scanning"]["entity_id"]}
        for service, shown in (("turn_off", "off"), ("turn_on", "on")):
            home.ask("call", domain="switch", service=service, data=target)
            home.wait_for(lambda states, shown=shown: states["scanning"]["state"] == shown)
        assert home.ask("problems") == []
        daemon.stop()
        home.wait_for(lambda states: {each["state"] for each in states.values()} == {"unavailable"})
