"""The outbox against a model: any order of storing, delivering, deleting, restarting and crashing."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from scans import open_outbox

KEPT = 3


class OutboxModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-model-"))
        self.outbox = open_outbox(self.folder, keep_delivered=KEPT)
        self.epoch = self.outbox.epoch
        self.stored = {}  # seq -> (id, payload), everything ever committed
        self.waiting = set()  # not delivered, as far as the outbox knows
        self.on_disk = set()  # not deleted from the file: what a crash would bring back
        self.newest = 0  # newest delivered row that is kept for later subscribers

    @rule(payload=st.binary(max_size=3000), kept=st.booleans())
    def put(self, payload, kept):
        stamp = self.outbox.put("topic", lambda _: payload, latest="last" if kept else None)
        assert stamp.seq == len(self.stored) + 1
        self.stored[stamp.seq] = (stamp.id, payload, kept)
        self.waiting.add(stamp.seq)
        self.on_disk.add(stamp.seq)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def deliver(self, data):
        rows = self.outbox.pending(data.draw(st.integers(0, len(self.stored))), data.draw(st.integers(1, 5)))
        for row in rows[: data.draw(st.integers(0, 5))]:
            self.outbox.delivered(row)
            self.waiting.discard(row.seq)
            if row.latest:
                self.newest = max(self.newest, row.seq)

    @rule()
    def forget(self):
        self.outbox.forget_delivered(now=True)
        self.on_disk = set(self.waiting)

    @rule()
    def restart(self):
        self.outbox.close()
        self.outbox = open_outbox(self.folder, keep_delivered=KEPT)
        self.on_disk = set(self.waiting)

    @rule()
    def crash(self):
        """Copy the files as they are, as a crash leaves them, and go on with the copy."""
        copy = Path(tempfile.mkdtemp(prefix="outbox-model-"))
        for name in ("outbox.db", "outbox.db-wal"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, copy / name)
        self.outbox.close()
        shutil.rmtree(self.folder)
        self.folder = copy
        self.outbox = open_outbox(self.folder, keep_delivered=KEPT)
        self.waiting = set(self.on_disk)
        if self.newest in self.waiting:  # its delivery was forgotten: the one before counts again
            self.newest = self.kept_in_file()

    def kept_in_file(self):
        payload = self.outbox.latest().get("last")
        done = [seq for seq in self.stored if seq not in self.waiting and self.stored[seq][2]]
        newest = max(done, default=0)
        assert payload == (self.stored[newest][1] if newest else None)
        return newest

    @invariant()
    def what_waits_is_all_there_in_order(self):
        rows = self.outbox.pending(0, 10_000)
        assert [row.seq for row in rows] == sorted(self.waiting)
        assert [(row.id, row.payload) for row in rows] == [self.stored[row.seq][:2] for row in rows]
        assert self.outbox.depth == len(self.waiting)
        assert self.outbox.backlog().payload_bytes == sum(len(self.stored[seq][1]) for seq in self.waiting)

    @invariant()
    def the_newest_delivered_one_is_kept(self):
        expected = {"last": self.stored[self.newest][1]} if self.newest else {}
        assert self.outbox.latest() == expected

    @invariant()
    def what_is_kept_for_replays_has_arrived_and_is_what_was_stored(self):
        rows = self.outbox.arrived(1, 10**9, 10**6)
        assert [row.seq for row in rows] == sorted({row.seq for row in rows} - self.on_disk)
        assert [(row.id, row.payload) for row in rows] == [self.stored[row.seq][:2] for row in rows]
        noted = set(self.stored) - self.on_disk
        newest = max(noted, default=0)
        assert {seq for seq in noted if seq > newest - KEPT} <= {row.seq for row in rows}

    @invariant()
    def epoch_and_numbers_stay(self):
        assert self.outbox.epoch == self.epoch
        assert self.outbox.last_seq == len(self.stored)
        assert self.outbox.replaced is None

    def teardown(self):
        self.outbox.close()
        shutil.rmtree(self.folder)


TestOutboxModel = OutboxModel.TestCase
TestOutboxModel.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
