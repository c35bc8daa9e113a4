import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scans import open_outbox

from cardscanner.errors import OutboxFault
from cardscanner.publish.sender import ANSWER_S, Sender


class Broker:
    """Answers when the test says so; time passes when the test lets it."""

    def __init__(self, outbox, **options):
        self.sender = Sender(outbox, **{"window": 20, "max_per_s": 1e6, "keep_unheard": False, **options})
        self.sender.connected(self.sender._window)
        self.now_s = 1000.0
        self.on_the_way = {}
        self.arrived = []
        self._mid = 0

    def send_all(self):
        sent = []
        self.now_s += 0.001  # enough for the pace, unless the test slows it down
        while (row := self.sender.next_row(self.now_s)) is not None:
            self._mid += 1
            self.sender.sent(row, self._mid, self.now_s)
            self.on_the_way[self._mid] = row
            sent.append(row.seq)
        return sent

    def answer(self, code=0, count=1):
        for mid in list(self.on_the_way)[:count]:
            row = self.on_the_way.pop(mid)
            if code in {0, 16}:
                self.arrived.append(row.seq)
            assert self.sender.answered(mid, code, self.now_s)

    def disconnect(self):
        self.on_the_way.clear()
        return self.sender.disconnected()


@pytest.fixture
def outbox(tmp_path):
    outbox = open_outbox(tmp_path)
    yield outbox
    outbox.close()


def put(outbox, count, topic="scan"):
    for _ in range(count):
        outbox.put(topic, lambda _: b"payload")


def test_the_first_row_goes_alone_and_then_the_window_opens(outbox):
    put(outbox, 50)
    broker = Broker(outbox)
    assert broker.send_all() == [1]
    broker.answer()
    assert broker.send_all() == list(range(2, 22))
    broker.answer()
    assert broker.send_all() == [22]


def test_the_broker_may_make_the_window_smaller(outbox):
    put(outbox, 50)
    broker = Broker(outbox)
    broker.sender.connected(window=3)
    broker.send_all()
    broker.answer()
    assert broker.send_all() == [2, 3, 4]


def test_all_rows_are_delivered_once_and_the_sender_is_idle_then(outbox):
    put(outbox, 100)
    broker = Broker(outbox)
    while broker.send_all() or broker.on_the_way:
        broker.answer(count=7)
    assert broker.arrived == list(range(1, 101))
    assert broker.sender.idle
    assert broker.sender.delivered == 100
    assert outbox.depth == 0
    assert broker.sender.due_s(broker.now_s) > 1e6


def test_what_was_unanswered_is_sent_again_first_after_a_reconnection(outbox):
    put(outbox, 30)
    broker = Broker(outbox)
    broker.send_all()
    broker.answer()
    broker.send_all()
    broker.answer(count=4)
    assert broker.disconnect() == list(range(6, 22))
    broker.sender.connected(20)
    assert broker.send_all() == [6]
    broker.answer()
    assert broker.send_all() == list(range(7, 27))


def test_a_refused_row_is_kept_and_tried_alone_after_a_pause(outbox):
    put(outbox, 5)
    broker = Broker(outbox)
    broker.send_all()
    broker.answer(135)
    assert broker.send_all() == []
    assert broker.sender.troubles() == {"scan": 135}
    assert (broker.sender.undeliverable, outbox.depth) == (1, 5)
    pause_s = broker.sender.due_s(broker.now_s)
    assert 0.8 <= pause_s <= 1.2
    broker.now_s += pause_s
    assert broker.send_all() == [1]
    broker.answer(135)
    assert 1.6 <= broker.sender.due_s(broker.now_s) <= 2.4
    broker.now_s += 2.4
    assert broker.send_all() == [1]
    broker.answer(0)
    assert broker.send_all() == [2, 3, 4, 5]
    assert broker.sender.troubles() == {}
    assert broker.sender.undeliverable == 0
    assert broker.sender.answers == {135: 2, 0: 1}


def test_a_row_refused_in_the_middle_of_a_window_goes_before_later_ones(outbox):
    put(outbox, 60)
    broker = Broker(outbox)
    broker.send_all()
    broker.answer()
    broker.send_all()  # 2 to 21
    broker.answer(151)  # 2 is refused, the rest of the window is taken
    broker.answer(0, count=19)
    assert broker.send_all()[:2] == [2, 22]


def test_a_denied_topic_does_not_hold_up_another(outbox):
    put(outbox, 2, "event")
    put(outbox, 3, "scan")
    broker = Broker(outbox)
    assert broker.send_all() == [1]
    broker.answer(135)
    assert broker.send_all() == [3]
    broker.answer(0)
    assert broker.send_all() == [4, 5]


def test_unheard_rows_count_as_sent_unless_they_are_to_be_kept(outbox):
    put(outbox, 2)
    accepting = Broker(outbox)
    accepting.send_all()
    accepting.answer(16)
    assert accepting.sender.answers == {16: 1}
    assert outbox.depth == 1
    keeping = Broker(outbox, keep_unheard=True)
    assert keeping.send_all() == [2]
    keeping.answer(16)
    assert outbox.depth == 1
    assert keeping.sender.troubles() == {"scan": 16}
    assert keeping.sender.undeliverable == 0
    for _ in range(10):  # asking on is cheap: the pause stays short
        keeping.now_s += keeping.sender.due_s(keeping.now_s)
        assert keeping.send_all() == [2]
        keeping.answer(16)
    assert keeping.sender.due_s(keeping.now_s) <= 12


@pytest.mark.parametrize("code", [149, 153])
def test_a_row_that_the_broker_cannot_take_steps_aside_and_the_others_go_on(outbox, code):
    put(outbox, 3)
    broker = Broker(outbox)
    broker.send_all()
    broker.answer(code)
    assert broker.send_all() == [2]
    broker.answer()
    assert broker.send_all() == [3]
    assert (outbox.depth, broker.sender.undeliverable) == (2, 1)
    broker.disconnect()
    broker.sender.connected(20)
    assert broker.send_all() == [1]


def test_a_row_larger_than_the_broker_allows_is_not_even_sent(outbox):
    outbox.put("scan", lambda _: bytes(5000))
    put(outbox, 1)
    broker = Broker(outbox)
    broker.sender.connected(20, max_packet=2000)
    assert broker.send_all() == []
    assert broker.send_all() == [2]
    assert broker.sender.undeliverable == 1


def test_an_answer_that_is_overdue_is_noticed(outbox):
    put(outbox, 1)
    broker = Broker(outbox)
    broker.send_all()
    assert not broker.sender.stalled(broker.now_s + ANSWER_S)
    assert broker.sender.stalled(broker.now_s + ANSWER_S + 0.1)


def test_answers_to_other_messages_are_none_of_its_business(outbox):
    assert Broker(outbox).sender.answered(77, 135, 0.0) is False


def test_the_pace_holds(outbox):
    put(outbox, 200)
    broker = Broker(outbox, max_per_s=200)
    sent = 0
    for _ in range(100):  # half a second in steps of 5 ms
        sent += len(broker.send_all())
        broker.answer(count=20)
        broker.now_s += 0.004
    assert 100 <= sent <= 20 + 100 + 1


def test_a_new_epoch_is_sent_from_its_first_row_and_old_answers_mean_nothing_in_it(outbox, tmp_path):
    for _ in range(60):  # more than SQLite keeps in memory
        outbox.put("scan", lambda _: bytes(100_000))
    broker = Broker(outbox)
    broker.send_all()
    broker.answer()
    broker.send_all()
    content = (tmp_path / "outbox.db").read_bytes()
    (tmp_path / "outbox.db").write_bytes(content[:2048] + b"\xa5" * (len(content) - 2048))
    (tmp_path / "outbox.db-wal").write_bytes(b"")
    with pytest.raises(OutboxFault):
        outbox.pending(0, 60)
    put(outbox, 3)
    assert outbox.last_seq == 3
    broker.answer(count=20)
    assert outbox.depth == 3
    assert broker.send_all() == [1, 2, 3]
    broker.answer(count=3)
    assert outbox.depth == 0


moves = st.lists(
    st.tuples(
        st.sampled_from(["put", "send", "answer", "lose", "wait"]),
        st.sampled_from([0, 0, 0, 16, 135, 151, 149]),
    ),
    max_size=40,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(moves=moves, keep_unheard=st.booleans())
def test_whatever_the_broker_answers_everything_arrives_in_the_end(moves, keep_unheard):
    folder = Path(tempfile.mkdtemp(prefix="sender-"))
    outbox = open_outbox(folder)
    broker = Broker(outbox, window=5, keep_unheard=keep_unheard)
    try:
        for move, code in moves:
            match move:
                case "put":
                    put(outbox, 3, "scan" if code else "event")
                case "send":
                    broker.send_all()
                case "answer":
                    broker.answer(code, count=2)
                case "lose":
                    broker.disconnect()
                    broker.sender.connected(5)
                case "wait":
                    broker.now_s += 3.0
            under_way = [row.seq for row in broker.on_the_way.values()]
            assert len(under_way) == len(set(under_way)) <= 5
        broker.disconnect()
        broker.sender.connected(5)
        for _ in range(1000):
            broker.now_s += 1.0
            broker.send_all()
            broker.answer(0, count=5)
            if outbox.depth == 0:
                break
        assert outbox.depth == 0
        assert set(broker.arrived) == set(range(1, outbox.last_seq + 1))
    finally:
        outbox.close()
        shutil.rmtree(folder)
