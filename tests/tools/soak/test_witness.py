"""The witness tells a message that came again from one that came as two, and finds what never came."""

import json
import time
from collections.abc import Iterator

import pytest
from brokers import Mosquitto
from listeners import Listener

from cardscanner_tools.soak.witness import Witness

EPOCH = "01J0000000"


@pytest.fixture
def broker(tmp_path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def test_what_came_twice_as_two_or_never_is_told_apart(broker):
    witness = Witness(broker.port, "soak")
    with Listener(broker.port, ("nothing/#",)) as speaker:

        def say(seq, identity, kind="scan"):
            payload = {"epoch": EPOCH, "seq": seq, "id": identity, "transaction": identity}
            speaker.say(f"cardscanner/soak/{kind}", json.dumps(payload).encode())

        def said(count):
            return lambda: len(witness.first) >= count

        wait(lambda: (say(1, "one"), said(1)())[1])  # until the witness has subscribed
        for seq, identity, kind in [
            (2, "two", "event"),
            (3, "three", "scan"),
            (3, "three", "scan"),
            (3, "x", "scan"),
        ]:
            say(seq, identity, kind)
        say(6, "six")
        wait(said(4))
        witness.ask("ping")
        (transaction,) = witness.asked
        say(0, transaction, "rsp/ping")
        wait(lambda: witness.answers["ping"] == 1)
    witness.close()
    assert witness.lost(EPOCH, 7, waiting={7}) == [4, 5]
    assert witness.duplicates == 1
    assert witness.repeats >= 1
    assert witness.scans >= {"one", "three", "six"}


def wait(done, times=200):
    for _ in range(times):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("not within 10 s")
