"""F22 and F23 over MQTT: bad releases are refused with the exact reason; a poisoned one is taken back by itself."""

import pytest
from brokers import Mosquitto
from commanding import ask
from daemons import QUICK, Daemon, flip, mqtt
from listeners import Listener
from releasing import Box, workshop_and_scanner
from small_scanner import write_film

from cardscanner.update.release import RELEASE
from cardscanner_tools.release.secret_key import new_key

DEVICE = "small"
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A daemon whose database 1.0 came as a release."""
    root = tmp_path_factory.mktemp("updates")
    shop = workshop_and_scanner(root)
    shop.database("1.0")
    shop.index()
    broker = Mosquitto(root / "broker").start()
    box = Box(
        root / "box",
        shop,
        camera={"backend": "replay", "path": "frames", "loop": True, "fps": 25},
        decide=QUICK,
        publish=mqtt(broker),
        corrections={"folder": "corrections", "recent": "recent"},
    )
    write_film(box.scanner.root / "frames", (3, 7, 11), lie=6, empty=6)
    box.put()
    with Daemon(box.path) as daemon, Listener(broker.port) as listener:
        daemon.await_line("ready")
        listener.wait_for(lambda heard: sum(each.topic.endswith("/scan") for each in heard) >= 10, 60)
        yield shop, box, daemon, listener
        assert daemon.stop() == 0, daemon.tail()
    broker.stop()


def said(listener):
    """What the topic `update` says, oldest first."""
    return [(each.at_s, each.json()) for each in listener.heard(f"cardscanner/{DEVICE}/update")]


def wait_for_step(listener, step, version=None, timeout_s=150):
    """Wait until the topic `update` shows a step, and return that message."""

    def found():
        for at_s, payload in reversed(said(listener)):
            change = payload.get("change", {})
            if change.get("step") == step and version in {None, change.get("version")}:
                return at_s, payload
        return None

    listener.wait_for(lambda _: found() is not None, timeout_s)
    return found()


def test_a_release_of_a_stranger_is_refused_in_the_answer(running):
    shop, box, _, listener = running
    stranger = new_key()
    folder = shop.database("1.1")
    shop.sign_release(folder, stranger)
    shop.index()
    error = ask(listener, DEVICE, "update", target="db", timeout_s=60)["error"]
    assert error["code"] == "failed"
    assert f"unknown key: signed with {stranger.public.shown}" in error["message"]
    assert box.in_use() == "1.0"


def test_a_release_of_another_dimension_is_refused_in_the_answer(running):
    shop, box, _, listener = running
    shop.sign_release(shop.database("1.2"), dim=512)
    shop.index()
    error = ask(listener, DEVICE, "update", target="db", timeout_s=60)["error"]
    assert "(512-d)" in error["message"]
    assert box.in_use() == "1.0"


def test_a_damaged_file_is_refused_on_the_topic_update(running):
    shop, box, _, listener = running
    flip(shop.database("1.3", patches=0) / "manifest.json")
    shop.index()
    assert ask(listener, DEVICE, "update", target="db", timeout_s=60)["status"] == "accepted"
    _, payload = wait_for_step(listener, "refused")
    assert "wrong SHA-256" in payload["change"]["why"]
    assert "wrong SHA-256" in payload["release_summary"]
    assert (payload["installed_version"], payload["in_progress"]) == ("1.0", False)
    assert box.in_use() == "1.0"


def test_a_poisoned_database_is_taken_back_by_itself(running):
    """It passes the self-test that it brings, but on this box every card would get the name of another one."""
    shop, box, daemon, listener = running
    shop.database("1.4", poison="table", probes=shop.lying_probes())
    shop.index()
    assert ask(listener, DEVICE, "update", target="db", version="1.4", timeout_s=60)["status"] == "accepted"
    back_s, payload = wait_for_step(listener, "rolled_back", "1.4")
    installing = [at_s for at_s, told in said(listener) if told["in_progress"]]
    assert back_s - max(installing) < 30  # it was put on trial at the end of installing
    assert "newest matches of this box are matched as before (0%)" in payload["change"]["why"]
    assert box.in_use() == "1.0"
    listener.wait_for(lambda _: said(listener)[-1][1]["installed_version"] == "1.0")
    heard = listener.wait_for(
        lambda heard: any(b'"rolled_back"' in each.payload for each in heard if each.topic.endswith("/event"))
    )
    events = [each.json() for each in heard if each.topic.endswith("/event")]
    data = events[-1]["data"]
    assert (data["kind"], data["version"], data["previous"]) == ("database", "1.4", "1.0")
    assert daemon.said("update is rolled back")
    again = ask(listener, DEVICE, "update", target="db", version="1.4", timeout_s=60)["error"]
    assert "was taken back on this box before" in again["message"]


def test_nothing_to_go_back_to_is_said(running):
    *_, listener = running
    error = ask(listener, DEVICE, "rollback", target="db")["error"]
    assert (error["code"], "no version before" in error["message"]) == ("not_found", True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_good_update_is_kept_after_a_minute_and_can_be_taken_back(running):
    shop, box, _, listener = running
    assert (shop.database("2.0") / RELEASE).is_file()
    shop.index()
    assert ask(listener, DEVICE, "update", target="db", timeout_s=60)["status"] == "accepted"
    tried_s, _ = wait_for_step(listener, "trial", "2.0", 120)
    good_s, payload = wait_for_step(listener, "good", "2.0", 240)
    assert good_s - tried_s >= 60
    assert (payload["installed_version"], payload["latest_version"]) == ("2.0", "2.0")
    listener.wait_for(lambda heard: any(b'"update_applied"' in each.payload for each in heard), 30)
    assert ask(listener, DEVICE, "rollback", target="db")["status"] == "accepted"
    listener.wait_for(lambda _: said(listener)[-1][1]["installed_version"] == "1.0", 60)
    assert box.in_use() == "1.0"
