"""What the daemon offers a way out beside rows and facts; each of it may be missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cardscanner.mailbox import LatestSlot
from cardscanner.publish.log_lines import LogLines
from cardscanner.publish.orders import Desk
from cardscanner.publish.payload_update import UpdatePayload
from cardscanner.publish.replays import Replays
from cardscanner.publish.transactions import Transactions


@dataclass(frozen=True, slots=True)
class Extras:
    """``None``: there is no such thing, and its topics stay silent."""

    desk: Desk | None = None
    """Who does commands."""
    replays: Replays | None = None
    """Rows that were asked for again."""
    pictures: LatestSlot[bytes] | None = None
    """JPEG of the newest match."""
    lines: LogLines | None = None
    """Lines of the log that are worth a message."""
    update: Callable[[], UpdatePayload] | None = None
    """Versions."""
    transactions: Transactions = field(default_factory=Transactions)
    """What was asked lately; it outlives a reload."""
