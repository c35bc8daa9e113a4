"""The camera is unplugged, freezes, shows nothing: said within 3 s, over within 10 s of its return (F14)."""

import pytest
from brokers import Mosquitto
from listeners import Listener
from live_boxes import LiveBox, events_of, seconds_until

SAID_S, BACK_S = 3.0, 10.0


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


@pytest.mark.parametrize(
    ("fault", "condition"),
    [
        ({"stream": "unplugged", "camera": "absent"}, "lost"),
        pytest.param({"stream": "frozen"}, "frozen", marks=pytest.mark.slow),
        pytest.param({"stream": "black"}, "frozen", marks=pytest.mark.slow),
        ({"stream": "dark"}, "black"),
    ],
    ids=["unplugged", "frozen", "black without noise", "dark"],
)
def test_it_is_said_in_time_and_nothing_from_before_is_a_new_scan(tmp_path, broker, fault, condition):
    box = LiveBox(tmp_path, broker)
    box.show(4)
    with Listener(broker.port) as listener, box.daemon() as daemon:
        daemon.await_line("card decided")
        box.fault(**fault)
        said_s = seconds_until(listener, lambda state: state["camera"]["state"] == condition)
        told = listener.heard("/state")[-1].json()
        assert said_s < SAID_S
        assert (told["lifecycle"], told["scanning"]) == ("degraded", False)
        assert told["reasons"] == [f"camera_{condition}"]
        box.show(2)
        back_s = seconds_until(listener, lambda state: state["camera"]["state"] == "ok")
        assert back_s < BACK_S
        daemon.await_line("card decided", count=2)
        assert daemon.stop() == 0, daemon.tail()
        listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
        assert events_of(listener) == [("match", "card-004"), ("match", "card-002")]
    print(f"{condition}: said after {said_s:.1f} s, back after {back_s:.1f} s")
