"""What happens to the device becomes an event, once."""

import json

import pytest
from scans import open_outbox, store
from structlog.testing import capture_logs

from cardscanner.capture.health import CameraHealth
from cardscanner.chronicle import MOST_WAITING, Chronicle
from cardscanner.vitals import Vitals


class Setup:
    def __init__(self, folder, **limits):
        self.outbox = open_outbox(folder, **limits)
        self.camera, self.vitals = CameraHealth(), Vitals()
        self.chronicle = Chronicle(self.outbox, "box-1", self.camera, self.vitals)

    def told(self):
        self.chronicle.look()
        rows = [row for row in self.outbox.pending(0, 100_000) if row.topic == "cardscanner/box-1/event"]
        return [json.loads(row.payload)["event_type"] for row in rows]


@pytest.fixture
def setup(tmp_path):
    setup = Setup(tmp_path)
    yield setup
    setup.outbox.close()


def test_the_start_is_told_when_scanning_is_possible(setup):
    assert setup.told() == []
    setup.vitals.ready.set()
    assert setup.told() == ["started"]
    assert setup.told() == ["started"]


def test_an_accelerator_that_hangs_and_comes_back_is_told(setup):
    setup.vitals.npu_is("ok")
    setup.told()
    setup.vitals.npu_is("hung")
    setup.told()
    setup.told()
    setup.vitals.npu_is("ok")
    assert setup.told() == ["npu_hung", "npu_back"]


def test_a_damaged_outbox_is_told_in_the_new_one(tmp_path):
    (tmp_path / "outbox.db").write_bytes(b"this is no database" * 1000)
    setup = Setup(tmp_path)
    setup.told()
    message = json.loads(setup.outbox.pending(0, 1)[0].payload)
    setup.outbox.close()
    assert message["event_type"] == "outbox_epoch_changed"
    assert message["data"]["kept_as"] == str(setup.outbox.replaced)
    assert message["data"]["cause"]


def test_events_wait_while_the_outbox_is_full_and_the_oldest_of_too_many_go_with_a_word(tmp_path):
    setup = Setup(tmp_path, max_rows=100)
    store(setup.outbox, 100)
    with capture_logs() as logs:
        for number in range(MOST_WAITING + 2):
            setup.vitals.npu_is("ok" if number % 2 else "hung")
            assert setup.told() == []
    assert [line["event_type"] for line in logs if "an event is lost" in line["event"]] == [
        "npu_hung",
        "npu_back",
    ]
    for row in setup.outbox.pending(0, 100):
        setup.outbox.delivered(row)
    assert len(setup.told()) == MOST_WAITING
    setup.outbox.close()
