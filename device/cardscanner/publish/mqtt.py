"""MqttPublisher: carries outbox rows to an MQTT broker and keeps the retained topics right.

It has no thread: whoever owns it calls :meth:`MqttPublisher.step` again and again, and everything, the
callbacks of the MQTT library too, happens in that thread. A row that is committed while we wait wakes us
through the outbox's bell.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from cardscanner.config import MqttConfig
from cardscanner.errors import BrokerRefused, OutboxFault, PublishError
from cardscanner.publish.announce import OFFLINE, Announcer
from cardscanner.publish.asides import Asides
from cardscanner.publish.extras import Extras
from cardscanner.publish.hearing import Hearing
from cardscanner.publish.home_assistant import home_of
from cardscanner.publish.letters import Letters
from cardscanner.publish.link import Ended, Link, Will, connect
from cardscanner.publish.messages import Letter
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.reconnection import Reconnection
from cardscanner.publish.refusals import name_refusals
from cardscanner.publish.rows import Row
from cardscanner.publish.sender import ANSWER_S, Sender
from cardscanner.publish.status import Facts, PublishStatus, Troubles
from cardscanner.publish.topics import Topics

log = structlog.get_logger(__name__)
T = TypeVar("T")

CONNECT_S = 3.0
CONNACK_S = 5.0
DISK_RETRY_S = 1.0
GOODBYE_S = 0.5
NO_EXTRAS = Extras()


class MqttPublisher:
    """The way out over MQTT. Owned by the publish thread; :meth:`status` may be asked from any."""

    def __init__(
        self,
        config: MqttConfig,
        device_id: str,
        outbox: Outbox,
        facts: Facts,
        extras: Extras = NO_EXTRAS,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        topics = Topics(device_id)
        self._config = config
        self._where = f"broker {config.host}:{config.port}"
        self._client_id = f"cardscanner-{device_id}"
        self._will = Will(topics.status, OFFLINE)
        self._outbox = outbox
        self._clock_s = clock_s
        self._troubles = Troubles()
        self._sender = Sender(
            outbox,
            window=config.window,
            max_per_s=config.max_per_s,
            keep_unheard=config.unheard == "keep",
        )
        outbox.await_acks(config.await_ack)
        home = home_of(config)
        self._scan_topic = topics.scan
        self._announcer = Announcer(topics, outbox, facts, config.state_every_s, home, extras.update)
        self._letters = Letters()
        self._asides = Asides(config, topics, outbox, extras, self._announcer, clock_s)
        self._hearing = Hearing(self._where, self._asides.topics, self._troubles)
        self._reconnection = Reconnection(
            self._where, self._troubles, mqtt5=config.protocol == "5", tls=config.tls is not None
        )
        self._link: Link | None = None
        self._connect_s = CONNECT_S
        self._opened_s = 0.0
        self._accepted_s: float | None = None
        self._read_again_s = 0.0
        self._write_again_s = 0.0
        self._status = PublishStatus()

    def step(self, wait_s: float) -> None:
        """Send what is due, take answers, wait at most ``wait_s`` (opening a connection may take longer)."""
        now_s = self._clock_s()
        self._forget_delivered(now_s)
        if self._link is None and self._reconnection.wait_s(now_s) <= 0:
            self._open(now_s)
        if self._link is None:
            self._outbox.bell.wait(min(wait_s, self._reconnection.wait_s(now_s)))
        else:
            self._serve(self._link, wait_s)
        self._status = self._snapshot()

    def status(self) -> PublishStatus:
        """Return the newest snapshot."""
        return self._status

    def close(self, drain_s: float) -> None:
        """Deliver what can be delivered within ``drain_s``, publish ``offline`` and disconnect."""
        end_s = self._clock_s() + drain_s
        while (left_s := end_s - GOODBYE_S - self._clock_s()) > 0 and self._worth_waiting(left_s):
            self._connect_s = min(CONNECT_S, max(0.2, left_s / 2))  # a dead network must not delay the end
            self.step(min(left_s, 0.1))
        if self._link is not None:
            self._say_goodbye(self._link, end_s)
            self._drop(self._link)
        self._forget_delivered(self._clock_s(), now=True)
        self._status = self._snapshot()

    def _serve(self, link: Link, wait_s: float) -> None:
        """Send, wait for the broker or the bell, take answers, notice the end."""
        now_s = self._clock_s()
        if self._accepted_s is not None:
            self._outbox.bell.clear()  # before looking: a row that comes now rings again
            self._send_notices(link, now_s)
            self._send_rows(link, now_s)
            self._send_asides(link, now_s)
        link.wait(min(wait_s, self._due_s(self._clock_s())), self._outbox.bell)
        self._listen(link)
        self._take_answers(link)
        self._look_after(link)

    def _due_s(self, now_s: float) -> float:
        if self._accepted_s is None:
            return max(0.0, self._opened_s + CONNACK_S - now_s)
        rows_s = max(self._sender.due_s(now_s), self._read_again_s - now_s)
        return min(rows_s, self._announcer.due_s(now_s))

    def _open(self, now_s: float) -> None:
        try:
            self._link = connect(self._config, self._client_id, self._will, self._connect_s)
        except BrokerRefused as refusal:
            self._reconnection.refused(str(refusal), self._clock_s())
        except PublishError as trouble:
            self._reconnection.unreachable(str(trouble), self._clock_s())
        self._opened_s = now_s

    def _send_notices(self, link: Link, now_s: float) -> None:
        for letter in self._announcer.due(now_s, self._snapshot(), idle=self._sender.idle):
            self._letters.send(link, letter, now_s)

    def _send_asides(self, link: Link, now_s: float) -> None:
        """Send what is in no hurry: answers, log lines, pictures, and in quiet times rows once more."""
        for letter in self._asides.due(link.accepted):
            self._letters.send(link, letter, now_s)
        while self._letters.waiting < self._config.window and self._asides.again and self._sender.lend(now_s):
            again = self._guarded_read(self._asides.next_again)
            if again is None:
                return
            self._letters.send(link, again, now_s)

    def _send_rows(self, link: Link, now_s: float) -> None:
        while not link.ended and (row := self._next_row(now_s)) is not None:
            self._sender.sent(row, link.publish(Letter(row.topic, row.payload)), now_s)

    def _next_row(self, now_s: float) -> Row | None:
        return self._guarded_read(lambda: self._sender.next_row(now_s))

    def _guarded_read(self, read: Callable[[], T | None]) -> T | None:
        """Turn a fault of the disk into a state that is tried again."""
        now_s = self._clock_s()
        if now_s < self._read_again_s:
            return None
        try:
            found = read()
        except OutboxFault as fault:
            self._read_again_s = now_s + DISK_RETRY_S
            self._troubles.enter("outbox_read_fault", str(fault))
            return None
        self._troubles.leave("outbox_read_fault")
        return found

    def _take_answers(self, link: Link) -> None:
        if not link.answers:
            return
        now_s = self._clock_s()
        self._reconnection.works()
        while link.answers:
            answer = link.answers.popleft()
            if not self._sender.answered(answer.mid, answer.code, now_s):
                self._letters.answered(answer)
        name_refusals(self._troubles, self._where, {**self._letters.refused, **self._sender.troubles()})

    def _listen(self, link: Link) -> None:
        """Take what has come."""
        self._asides.hear(link.messages, self._letters.waiting)
        if self._accepted_s is not None:
            self._hearing.look(link, self._clock_s())

    def _look_after(self, link: Link) -> None:
        """Notice that the connection was accepted, has ended, or is of no use."""
        now_s = self._clock_s()
        if link.ended:
            self._lost(link, link.ended, now_s)
        elif link.accepted and self._accepted_s is None:
            self._accepted_s = now_s
            log.info("connected", broker=self._where, protocol=self._config.protocol)
            self._sender.connected(min(self._config.window, link.accepted.window), link.accepted.max_packet)
            self._announcer.connected()
            self._hearing.connected(link)
        elif self._accepted_s is None and now_s - self._opened_s > CONNACK_S:
            self._lost(link, Ended(None, f"no answer to CONNECT within {CONNACK_S:.0f} s"), now_s)
        elif self._sender.stalled(now_s) or self._letters.stalled(now_s):
            self._lost(link, Ended(None, f"a message was not answered for {ANSWER_S:.0f} s"), now_s)

    def _lost(self, link: Link, end: Ended, now_s: float) -> None:
        lived_s = now_s - (self._accepted_s or now_s)
        self._drop(link)
        self._reconnection.ended(end, link.accepted, lived_s, now_s)

    def _drop(self, link: Link) -> None:
        link.close()
        self._link = None
        self._accepted_s = None
        self._letters.forget()
        lost = self._sender.disconnected()
        try:
            if lost:
                self._outbox.tried_in_vain(lost)
        except OutboxFault as fault:
            self._troubles.enter("outbox_write_fault", str(fault))

    def _forget_delivered(self, now_s: float, *, now: bool = False) -> None:
        if now_s < self._write_again_s and not now:
            return
        try:
            if self._outbox.forget_delivered(now=now):
                self._troubles.leave("outbox_write_fault")
        except OutboxFault as fault:
            self._write_again_s = now_s + DISK_RETRY_S
            self._troubles.enter("outbox_write_fault", str(fault))

    def _worth_waiting(self, left_s: float) -> bool:
        """Tell whether something may still be delivered within ``left_s``."""
        if self._link is None:
            return self._outbox.depth > 0 and self._reconnection.wait_s(self._clock_s()) < left_s
        if self._accepted_s is None:
            return True
        waiting = self._outbox.depth > 0 and self._sender.due_s(self._clock_s()) < left_s
        return waiting or not self._sender.idle or self._letters.waiting > 0

    def _say_goodbye(self, link: Link, end_s: float) -> None:
        if self._accepted_s is None:
            return
        self._send_notices(link, self._clock_s())
        self._send_asides(link, self._clock_s())
        self._letters.send(link, self._announcer.farewell(), self._clock_s())
        end_s = max(end_s, self._clock_s() + 0.1)
        while self._letters.waiting and not link.ended and self._clock_s() < end_s:
            link.wait(end_s - self._clock_s(), self._outbox.bell)
            self._outbox.bell.clear()
            self._take_answers(link)
        link.disconnect()

    def _snapshot(self) -> PublishStatus:
        return PublishStatus(
            connected=self._accepted_s is not None,
            reasons=self._troubles.reasons,
            refusal=self._troubles.newest,
            delivered=self._sender.delivered,
            undeliverable=self._sender.undeliverable,
            unacknowledged=self._outbox.unacknowledged,
            answers=dict(self._sender.answers),
            commands=self._asides.counts,
            unheard=self._sender.unheard(self._scan_topic),
        )
