"""What a soak does to the scanner now and then: each by chance, but by the same chance for the same seed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from cardscanner_tools.soak.gauges import command_line, descendants
from cardscanner_tools.soak.parts import Broker, Daemon
from cardscanner_tools.soak.visitor import Visitor
from cardscanner_tools.soak.witness import Witness

Trouble = Callable[[], None]

_CAMERA = "cardscanner.capture"
"""In the command line of the camera's process."""
_ORDERS: tuple[tuple[str, dict[str, object]], ...] = (
    ("ping", {}),
    ("status", {}),
    ("snapshot", {"max_side_px": 640}),
    ("export", {"format": "csv", "max": 500}),
    ("set", {"options": {"decide": {"top": 4}}}),
    ("selftest", {}),
    ("backup", {}),
)


class Troubles:
    """Chooses and makes trouble, and counts it. Owned by the main thread."""

    def __init__(self, seed: int, broker: Broker, daemon: Daemon, witness: Witness, visitor: Visitor) -> None:
        self.made: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._broker, self._daemon, self._witness = broker, daemon, witness
        self._visitor = visitor
        self._kinds: list[tuple[str, Trouble]] = [
            ("camera killed", lambda: self._camera(signal.SIGKILL)),
            ("camera stopped", lambda: self._camera(signal.SIGSTOP)),
            ("broker restarted", lambda: self._broker_away(signal.SIGTERM)),
            ("broker killed", lambda: self._broker_away(signal.SIGKILL)),
            ("reload", self._reload),
            ("command", self._command),
            ("command", self._command),
            ("paused", self._pause),
            ("page", visitor.look),
            ("page", visitor.look),
            ("live view", visitor.watch),
            ("event stream", visitor.listen),
        ]

    def wait_s(self, mean_s: float) -> float:
        """Return how long to leave it alone."""
        return self._chance.uniform(0.5, 1.5) * mean_s

    def make(self) -> str:
        """Make one trouble and return its name."""
        name, trouble = self._chance.choice(self._kinds)
        self.made[name] += 1
        trouble()
        return name

    def told(self) -> list[str]:
        """Say what was done, and what came of it."""
        made = ", ".join(f"{count} x {name}" for name, count in sorted(self.made.items()))
        witness, visitor = self._witness, self._visitor
        answers = ", ".join(f"{count} x {status}" for status, count in sorted(visitor.answers.items()))
        return [
            f"troubles: {made}",
            f"commands: {len(witness.asked)} asked, {sum(witness.answers.values())} answered",
            f"page: {answers}; {visitor.live_bytes / 2**20:.1f} MB followed; {visitor.away} x not there",
        ]

    def _camera(self, number: signal.Signals) -> None:
        for pid in descendants(self._daemon.process.pid):
            if _CAMERA in command_line(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _broker_away(self, number: signal.Signals) -> None:
        self._broker.end(number)
        time.sleep(self._chance.uniform(0.2, 6.0))
        self._broker.start()

    def _reload(self) -> None:
        self._daemon.process.send_signal(signal.SIGHUP)

    def _command(self) -> None:
        command, arguments = self._chance.choice(_ORDERS)
        self._witness.ask(command, **arguments)

    def _pause(self) -> None:
        self._witness.ask("scanning", on=False)
        time.sleep(self._chance.uniform(0.5, 3.0))
        self._witness.ask("scanning", on=True)
