"""What the daemon offers a way out beside rows and facts; each of it may be missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cardscanner.mailbox import LatestSlot
from cardscanner.publish.orders import Desk
from cardscanner.publish.payload_log import LogPayload
from cardscanner.publish.payload_update import UpdatePayload
from cardscanner.publish.replays import Replays


@dataclass(frozen=True, slots=True)
class Extras:
    """``None``: there is no such thing, and its topics stay silent."""

    desk: Desk | None = None
    """Who does commands."""
    replays: Replays | None = None
    """Rows that were asked for again."""
    pictures: LatestSlot[bytes] | None = None
    """JPEG of the newest match."""
    lines: Callable[[], LogPayload | None] | None = None
    """Next line of the log that is worth a message now; ``None`` from it: there is none."""
    update: Callable[[], UpdatePayload] | None = None
    """Versions."""
