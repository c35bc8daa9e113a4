"""A subscriber with a real broker: restarts, repetitions, gaps, refusals."""

import time

import pytest
from boxes import Box, scan_payload
from brokers import Mosquitto, deny_subscriptions, free_port
from publishing import mqtt_config

from cardscanner.errors import BrokerRefused
from cardscanner.listen.gaps import Gaps
from cardscanner.listen.subscriber import Subscriber
from cardscanner.publish.payload_answer import AnswerError
from cardscanner.publish.status import Troubles


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


class Ear:
    """A subscriber and what it has heard."""

    def __init__(self, broker, device=None, **changes):
        self.troubles = Troubles()
        self.gaps = Gaps()
        self.subscriber = Subscriber(
            mqtt_config(broker, **changes), device, self.gaps, self.troubles, grace_s=0.2
        )
        self.scans, self.words = [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.subscriber.close()

    @property
    def seqs(self):
        return [scan.payload.seq for scan in self.scans]

    def until(self, done, timeout_s=20.0):
        """Listen until a condition holds."""
        end_s = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < end_s, (self.seqs, self.words, self.troubles.newest)
            heard = self.subscriber.step(0.1)
            self.scans += heard.scans
            self.words += heard.words

    def ready(self):
        """Listen until the broker has taken the subscription and the box is known."""
        self.until(lambda: any("is online" in word for word in self.words))
        return self


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_scans_of_all_boxes_are_heard_as_they_came(broker, protocol):
    with (
        Box(broker.port) as one,
        Box(broker.port, "box-2", "77aa") as two,
        Ear(broker, protocol=protocol) as ear,
    ):
        ear.until(lambda: len(ear.words) == 2)
        scan = one.scan(5)
        two.scan(8)
        ear.until(lambda: len(ear.scans) == 2)
        assert {(each.payload.device, each.payload.seq) for each in ear.scans} == {("box-1", 5), ("box-2", 8)}
        assert ear.scans[ear.seqs.index(5)].text == scan.to_bytes().decode()


def test_one_box_can_be_listened_to_alone(broker):
    with Box(broker.port) as one, Box(broker.port, "box-2") as two, Ear(broker, "box-2") as ear:
        ear.ready()
        one.scan(1)
        two.scan(2)
        ear.until(lambda: ear.scans != [])
        assert [scan.payload.device for scan in ear.scans] == ["box-2"]


def test_a_repetition_is_heard_once(broker):
    with Box(broker.port) as box, Ear(broker) as ear:
        ear.ready()
        first = box.scan(1)
        box.send(first)
        box.scan(2)
        ear.until(lambda: ear.seqs == [1, 2])
        assert ear.subscriber.repeated == 1


def test_a_gap_is_asked_for_and_filled(broker):
    with Box(broker.port) as box, Ear(broker) as ear:
        ear.ready()
        box.scan(1)
        box.scan(2, heard=False)
        box.scan(3, heard=False)
        box.scan(4)
        ear.until(lambda: sorted(ear.seqs) == [1, 2, 3, 4])
        (request,) = box.asked
        assert (request.from_seq, request.to_seq) == (2, 3)
        assert [scan.payload.replayed for scan in ear.scans if scan.payload.seq == 2] == [True]
        assert ear.gaps.missing() == []


def test_events_count_too_and_leave_no_gap(broker):
    with Box(broker.port) as box, Ear(broker) as ear:
        ear.ready()
        box.scan(1)
        box.event(2)
        box.scan(3)
        ear.until(lambda: ear.seqs == [1, 3])
        assert "box-1: camera_lost" in ear.words
        assert ear.gaps.missing() == []


def test_a_loss_at_the_end_is_noticed_by_the_newest_match(broker):
    with Box(broker.port) as box, Ear(broker) as ear:
        ear.ready()
        box.scan(1)
        box.last(box.scan(2, heard=False))
        ear.until(lambda: ear.seqs == [1, 2])


def test_what_the_box_no_longer_has_is_named(broker):
    with Box(broker.port) as box, Ear(broker) as ear:
        ear.ready()
        box.scan(1)
        box.scan(4)
        ear.until(lambda: ear.subscriber.replays.lost == 2)
        assert any("no longer has them" in word for word in ear.words)


def test_a_box_that_takes_no_commands_is_believed(broker):
    with Box(broker.port) as box, Ear(broker) as ear:
        box.refusal = AnswerError(code="not_available", message="there is no outbox")
        ear.ready()
        box.scan(1)
        box.scan(3)
        ear.until(lambda: ear.subscriber.replays.lost == 1)
        assert any("there is no outbox" in word for word in ear.words)


def test_a_restart_of_the_broker_is_survived_and_what_fell_into_it_is_fetched(broker):
    with Box(broker.port) as box, Ear(broker) as ear:
        ear.ready()
        box.scan(1)
        ear.until(lambda: ear.seqs == [1])
        broker.kill()
        ear.until(lambda: ear.troubles.reasons == ("mqtt_unreachable",))
        box.scan(2, heard=False)
        broker.start()
        box.wait()
        box.last(box.scan(3, heard=False))
        ear.until(lambda: sorted(ear.seqs) == [1, 2, 3], 40.0)
        assert ear.troubles.reasons == ()


def test_nonsense_on_the_topics_is_named_and_skipped(broker):
    with Box(broker.port) as box, Ear(broker) as ear:
        ear.ready()
        later = scan_payload(2).model_dump_json().replace('"v":1', '"v":1,"weather":"rain"').encode()
        for payload in (b"", b"\xff\x00", b"[]", b'{"v": 2}', later):
            box.raw(box.topics.scan, payload)
        box.raw(box.topics.event, b"{}")
        box.raw(box.topics.last, b"?", retain=True)
        ear.until(lambda: ear.seqs == [2])
        ear.until(lambda: sum("does not fit the contract" in word for word in ear.words) == 5)
        assert '"weather":"rain"' in ear.scans[0].text


def test_a_wrong_password_ends_the_first_attempt_and_says_why(tmp_path):
    broker = Mosquitto(tmp_path / "secret", passwords={"reader": "correct horse"}).start()
    (tmp_path / "password").write_text("battery staple")
    try:
        with (
            Ear(broker, username="reader", password_file=str(tmp_path / "password")) as ear,
            pytest.raises(BrokerRefused, match="check publish"),
        ):
            ear.until(lambda: False)
    finally:
        broker.stop()


@pytest.mark.slow
def test_a_password_that_changes_later_is_tried_again_calmly(tmp_path):
    broker = Mosquitto(tmp_path / "secret", passwords={"reader": "one"}).start()
    (tmp_path / "password").write_text("one")
    try:
        with Ear(broker, username="reader", password_file=str(tmp_path / "password")) as ear:
            ear.until(lambda: ear.subscriber._connection.been_connected)
            broker.admit({"reader": "two"})
            broker.stop()
            broker.start()
            ear.until(lambda: ear.troubles.reasons == ("mqtt_refused",))
            (tmp_path / "password").write_text("two")
            ear.until(lambda: ear.troubles.reasons == ())
    finally:
        broker.stop()


def test_a_subscription_that_is_denied_ends_the_first_attempt_and_names_the_topics(tmp_path):
    broker = Mosquitto(tmp_path / "strict", options=deny_subscriptions(tmp_path)).start()
    try:
        with (
            Ear(broker) as ear,
            pytest.raises(BrokerRefused, match=r"may not subscribe to cardscanner/\+/status"),
        ):
            ear.until(lambda: False)
    finally:
        broker.stop()


def test_a_broker_that_is_not_there_yet_is_waited_for(tmp_path):
    port = free_port()
    with Ear(type("Nowhere", (), {"port": port})) as ear:
        ear.until(lambda: ear.troubles.reasons == ("mqtt_unreachable",))
        assert "nothing listens there" in ear.troubles.newest
