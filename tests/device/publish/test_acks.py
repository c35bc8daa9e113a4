"""End-to-end acknowledgement: a row has arrived when every consumer that is waited for has said so."""

import pytest
from scans import open_outbox, store

from cardscanner.publish.acks import CAP_S, FIRST_S, Acks
from cardscanner.publish.rows import Row


def row(seq):
    return Row(seq, "e", f"id-{seq}", "topic", None, b"x", 0)


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def outbox(tmp_path):
    outbox = open_outbox(tmp_path)
    yield outbox
    outbox.close()


def deliver_all(outbox):
    for each in outbox.pending(0, 100):
        outbox.delivered(each)


def test_without_consumers_the_brokers_word_is_enough():
    assert Acks().hand(row(1))


def test_the_slowest_consumer_decides():
    acks = Acks(("a", "b"))
    assert not any(acks.hand(row(seq)) for seq in (1, 2, 3))
    assert acks.confirm("a", 3) == []
    assert [each.seq for each in acks.confirm("b", 2)] == [1, 2]
    assert len(acks) == 1
    assert acks.hand(row(2))  # sent again, and known to be there


def test_a_consumer_that_takes_back_its_word_is_not_heard():
    acks = Acks(("a",))
    acks.hand(row(1))
    assert len(acks.confirm("a", 1)) == 1
    assert acks.confirm("a", 0) == []
    assert acks.hand(row(1))


def test_what_nobody_confirms_is_sent_again_ever_more_rarely_until_somebody_does():
    clock = Clock()
    acks = Acks(("a",), clock)
    pauses = []
    for _ in range(8):
        acks.hand(row(1))
        began_s = clock.now_s
        while not acks.take_back():
            clock.now_s += 1.0
        pauses.append(clock.now_s - began_s)
    assert FIRST_S * 0.8 <= pauses[0] <= FIRST_S * 1.2 + 1
    assert pauses[1] > pauses[0]
    assert CAP_S * 0.8 <= pauses[-1] <= CAP_S * 1.2 + 1
    acks.hand(row(1))
    acks.confirm("a", 1)
    acks.hand(row(2))
    clock.now_s += FIRST_S * 1.2
    assert acks.take_back()


def test_a_row_stays_in_the_outbox_and_in_its_depth_until_the_consumer_confirms_it(outbox, tmp_path):
    outbox.await_acks(("inventory",))
    store(outbox, 3)
    deliver_all(outbox)
    assert (outbox.depth, outbox.unacknowledged, outbox.pending(0, 10)) == (3, 3, [])
    assert outbox.confirmed("inventory", outbox.epoch, 2)
    assert (outbox.depth, outbox.unacknowledged) == (1, 1)
    outbox.close()
    again = open_outbox(tmp_path)
    assert [each.seq for each in again.pending(0, 10)] == [3]
    again.close()


def test_words_about_another_epoch_of_strangers_and_of_the_future_mean_nothing(outbox):
    outbox.await_acks(("inventory",))
    store(outbox, 2)
    deliver_all(outbox)
    assert not outbox.confirmed("inventory", "other", 2)
    assert not outbox.confirmed("somebody", outbox.epoch, 2)
    assert not outbox.confirmed("inventory", outbox.epoch, 3)
    assert outbox.depth == 2


def test_the_newest_match_is_known_as_soon_as_the_broker_has_it(outbox):
    outbox.await_acks(("inventory",))
    store(outbox, 2)
    deliver_all(outbox)
    assert b'"seq":2' in next(iter(outbox.latest().values()))
