"""ControlRoom: everything of a running scanner that commands may touch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cardscanner.config import Config
from cardscanner.history import History
from cardscanner.mailbox import LatestSlot
from cardscanner.publish import Facts, Outbox, PublishStatus
from cardscanner.publish.payload_update import UpdatePayload
from cardscanner.publish.replays import Replays
from cardscanner.recent_lines import RecentLines
from cardscanner.records import Frame
from cardscanner.update.plan import Wish
from cardscanner.vitals import Vitals

LED = Path("/sys/class/leds/ACT")
"""The green one of a Raspberry Pi."""


class Wishes(Protocol):
    """What the main thread looks at several times a second."""

    reload: bool
    restart: bool
    restarted_by: str | None
    """The transaction that asked for the restart."""


class Updates(Protocol):
    """What installs releases."""

    def begin(self, wish: Wish) -> None:
        """Install in the background; :class:`CommandRefused` while that is going on already."""

    def payload(self, name: str, installed: str) -> UpdatePayload:
        """Return the message on the topic ``update``."""


@dataclass(slots=True)
class ControlRoom:
    """Made once for each run with a configuration."""

    config: Config
    config_path: Path
    outbox: Outbox
    history: History
    replays: Replays
    vitals: Vitals
    slot: LatestSlot[Frame]
    facts: Facts
    wishes: Wishes
    stopping: threading.Event
    lines: RecentLines = field(default_factory=RecentLines)
    """The newest log lines; those that are published pass through it."""
    way_out: Callable[[], PublishStatus] = field(default=PublishStatus)
    """How the way out is doing."""
    updates: Updates | None = None
    led: Path = LED
