"""Kill a scanning process and its broker again and again, and say what became of each committed scan.

What an acknowledgement must be worth here
------------------------------------------
A message is safe when it is in something that survives the kills. A broker's memory does not: Mosquitto
acknowledges a message that it has only queued for a subscriber, and ``kill -9`` takes the queue with it. So the
test is arranged such that an acknowledgement means "the witness has it":

* The witness (a subscriber in the test's own process) is never killed, and what the broker has written into its
  socket stays readable after the broker is dead. Mosquitto writes a message to the subscribers' sockets *before*
  it acknowledges it, unless the subscriber's window of unacknowledged messages is full. The witness therefore
  subscribes with QoS 0: such a subscription has no window. (With QoS 1 the witness would also have to write
  acknowledgements; writing into the socket of a dead broker fails and makes an MQTT client close it with
  messages still unread.)
* The witness's session ends with its connection, so a restarted broker never queues for an absent witness.
  Until the witness is back, the broker answers 16, "no matching subscribers", and the publisher, configured with
  ``unheard: keep``, keeps the row and sends it again.

A consumer with QoS 1 behind a broker that is killed can still lose what that broker had acknowledged and not
yet passed on; only an acknowledgement from the consumer itself can close that gap.

The child may be any command that scans into an outbox and publishes it with ``unheard: keep``: a small script,
or the real daemon. One that cannot tell what it has committed is judged by the outbox itself: sequence numbers
have no gaps, so without losses what was heard is exactly 1 to ``Outbox.last_seq``; the account then gets an
empty ``committed``, and ``gaps`` and ``clashes`` do the work.
"""

from __future__ import annotations

import heapq
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from brokers import Mosquitto
from listeners import Listener

Key = tuple[str, int]
"""Epoch and sequence number."""


class ChildProcess:
    """A command that is started, killed and started again; its output goes to a file."""

    def __init__(self, command: Sequence[str], output: Path) -> None:
        self._command = list(command)
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *more: str) -> None:
        """Start it, with further arguments."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._command, *more], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def kill(self) -> None:
        """Kill it as a crash would; one that had ended by itself is a failure."""
        process = self._process
        assert process is not None
        assert process.poll() is None, f"the child ended by itself with {process.returncode}:\n{self.tail()}"
        process.kill()
        process.wait(10)

    def stop(self, timeout_s: float = 15.0) -> int:
        """Ask it to end, and return its exit status."""
        process = self._process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout_s)

    def end(self) -> None:
        """Make sure that nothing is left of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def tail(self) -> str:
        """Return the end of its output."""
        return self._output.read_text(encoding="utf-8", errors="replace")[-2000:]


@dataclass(frozen=True, slots=True)
class KillPlan:
    """How often, and after how long (seconds from, to).

    The life of a child begins when it makes progress, or a slow machine would only see it start; one child in
    five is killed while it starts. The life of a broker begins when it listens.
    """

    child_kills: int = 30
    broker_kills: int = 30
    child_life_s: tuple[float, float] = (0.0, 1.2)
    child_pause_s: tuple[float, float] = (0.0, 0.3)
    broker_life_s: tuple[float, float] = (0.4, 2.4)
    broker_pause_s: tuple[float, float] = (0.0, 0.6)
    start_s: float = 15.0
    seed: int = 0


class Killer:
    """Kills both at random moments, independently of each other. ``progress`` changes when the child works."""

    def __init__(
        self,
        child: ChildProcess,
        broker: Mosquitto,
        plan: KillPlan,
        progress: Callable[[], int],
        child_arguments: Sequence[str] = (),
    ) -> None:
        self._child = child
        self._broker = broker
        self._plan = plan
        self._progress = progress
        self._arguments = child_arguments
        self._chance = random.Random(plan.seed)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._child_kills = 0
        self._broker_kills = 0
        self._before = 0
        self._started_s = 0.0

    def run(self) -> None:
        """Start the child, kill and restart as planned; afterwards both run."""
        self._start_child()
        self._later(self._plan.broker_life_s, self._kill_broker)
        while self._agenda:
            at_s, _, action = heapq.heappop(self._agenda)
            time.sleep(max(0.0, at_s - time.monotonic()))
            action()

    def _later(self, span_s: tuple[float, float], action: Callable[[], None]) -> None:
        at_s = time.monotonic() + self._chance.uniform(*span_s)
        heapq.heappush(self._agenda, (at_s, self._chance.getrandbits(64), action))

    def _start_child(self) -> None:
        self._before = self._progress()
        self._started_s = time.monotonic()
        self._child.start(*self._arguments)
        if self._child_kills < self._plan.child_kills:
            if self._chance.random() < 0.2:
                self._later((0.0, 0.5), self._kill_child)
            else:
                self._await_progress()

    def _await_progress(self) -> None:
        if self._progress() != self._before:
            self._later(self._plan.child_life_s, self._kill_child)
            return
        waited_s = time.monotonic() - self._started_s
        assert waited_s < self._plan.start_s, f"the child makes no progress:\n{self._child.tail()}"
        self._later((0.05, 0.05), self._await_progress)

    def _kill_child(self) -> None:
        self._child.kill()
        self._child_kills += 1
        self._later(self._plan.child_pause_s, self._start_child)

    def _kill_broker(self) -> None:
        self._broker.kill()
        self._broker_kills += 1
        self._later(self._plan.broker_pause_s, self._start_broker)

    def _start_broker(self) -> None:
        self._broker.start()
        if self._broker_kills < self._plan.broker_kills:
            self._later(self._plan.broker_life_s, self._kill_broker)


@dataclass(frozen=True, slots=True)
class Account:
    """What was committed, and what arrived in which order."""

    committed: dict[Key, str]
    """Ids by epoch and sequence number, as far as the child could tell before it was killed."""
    heard: list[tuple[str, int, str]]
    """Epoch, sequence number and id of each message, in order of arrival."""
    first: dict[Key, str] = field(init=False)

    def __post_init__(self) -> None:
        first: dict[Key, str] = {}
        for epoch, seq, identity in self.heard:
            first.setdefault((epoch, seq), identity)
        object.__setattr__(self, "first", first)

    @property
    def lost(self) -> list[Key]:
        """Committed, and never heard."""
        return sorted(set(self.committed) - set(self.first))

    @property
    def gaps(self) -> list[Key]:
        """Never heard though a later one was: catches losses that the child could not report."""
        newest: dict[str, int] = {}
        for epoch, seq in self.first:
            newest[epoch] = max(seq, newest.get(epoch, 0))
        return sorted(
            (epoch, seq)
            for epoch, last in newest.items()
            for seq in range(1, last + 1)
            if (epoch, seq) not in self.first
        )

    @property
    def clashes(self) -> list[tuple[str, int, str]]:
        """Heard with another id than the first time, or than was committed."""
        return [
            (epoch, seq, identity)
            for epoch, seq, identity in self.heard
            if identity != self.first[epoch, seq] or self.committed.get((epoch, seq), identity) != identity
        ]

    @property
    def late(self) -> list[Key]:
        """First heard after a later one of the same epoch."""
        newest: dict[str, int] = {}
        late = []
        for epoch, seq in self.first:
            if seq < newest.get(epoch, 0):
                late.append((epoch, seq))
            newest[epoch] = max(seq, newest.get(epoch, 0))
        return late

    @property
    def duplicates(self) -> int:
        """How many messages were heard again."""
        return len(self.heard) - len(self.first)


def witness(broker: Mosquitto) -> Listener:
    """Return the subscriber whose ears decide; it often comes back later than the publisher."""
    return Listener(broker.port, ("cardscanner/#",), qos=0, away_s=lambda: random.uniform(0.0, 2.0))


def wait_until_online(listener: Listener, start: Callable[[], None]) -> None:
    """Start a scanner and wait until it says that it is online."""
    before = len(listener.heard())
    start()
    listener.wait_for(
        lambda heard: any(
            each.topic.endswith("/status") and each.payload == b"online" for each in heard[before:]
        ),
        timeout_s=30,
    )


def heard_scans(
    listener: Listener, topics: tuple[str, ...] = ("/scan", "/event")
) -> list[tuple[str, int, str]]:
    """Return epoch, sequence number and id of the scans and events that were heard, in order."""
    numbered = (each.json() for each in listener.heard() if each.topic.endswith(topics))
    return [(each["epoch"], each["seq"], each["id"]) for each in numbered]


def read_commits(path: Path) -> dict[Key, str]:
    """Read lines of epoch, sequence number and id; a line that a kill cut short does not count."""
    commits: dict[Key, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        parts = line.split(" ")
        if line.endswith("\n") and len(parts) == 3:
            commits[parts[0], int(parts[1])] = parts[2].strip()
    return commits
