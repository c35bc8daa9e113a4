"""A control room without a daemon around it, for tests of commands."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from scans import DaemonFacts

from cardscanner.configfile import load_config
from cardscanner.control import CommandDesk, ControlRoom, open_desk
from cardscanner.history.keeping import open_history
from cardscanner.mailbox import LatestSlot
from cardscanner.publish import Outbox
from cardscanner.publish.reception import Reception
from cardscanner.publish.replays import Replays
from cardscanner.publish.topics import Topics
from cardscanner.publish.transactions import Transactions
from cardscanner.vitals import Vitals

PREFIX = "cardscanner/_rsp/"


@dataclass
class NotedWishes:
    reload: bool = False
    restart: bool = False
    restarted_by: str | None = None


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Bench:
    """Reception, desk and outbox around the configuration at ``path``."""

    def __init__(self, path: Path) -> None:
        config = load_config(path)
        self.clock = Clock()
        self.outbox = Outbox.open(config.outbox)
        self.history = open_history(config, self.outbox)
        self.wishes = NotedWishes()
        self.room = ControlRoom(
            config,
            path,
            self.outbox,
            self.history,
            Replays(self.outbox),
            Vitals(),
            LatestSlot(),
            DaemonFacts(self.outbox),
            self.wishes,
            threading.Event(),
            led=path.parent / "no-led",
        )
        self.desk: CommandDesk = open_desk(self.room, self.clock)
        self.topics = Topics(config.device_id)
        self.reception = Reception(self.topics, self.desk, self.outbox, Transactions(), PREFIX, self.clock)

    def work(self) -> None:
        """Do what waits."""
        while self.desk.step(0):
            pass

    def close(self) -> None:
        self.history.close()
        self.outbox.close()
