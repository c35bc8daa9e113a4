"""What the scanner does when it is told to over MQTT: one handler for each command."""

from __future__ import annotations

import time
from collections.abc import Callable

from cardscanner.control.backup import back_up
from cardscanner.control.correct import correct
from cardscanner.control.desk import CommandDesk
from cardscanner.control.export import export
from cardscanner.control.identify import identify
from cardscanner.control.lifecycle import reload, restart
from cardscanner.control.quick import ping, scanning, status
from cardscanner.control.replay import replay
from cardscanner.control.room import ControlRoom
from cardscanner.control.selftest import selftest
from cardscanner.control.settings import change_settings
from cardscanner.control.snapshot import snapshot
from cardscanner.control.undo import undo
from cardscanner.control.updating import Updating, rollback, update

__all__ = ["CommandDesk", "ControlRoom", "Updating", "open_desk"]


def open_desk(room: ControlRoom, clock_s: Callable[[], float] = time.monotonic) -> CommandDesk:
    """Return the desk; somebody has to run its thread."""
    quick = {
        "ping": ping,
        "status": status,
        "scanning": scanning,
        "restart": restart,
    }
    slow = {
        "snapshot": snapshot,
        "reload": reload,
        "set": change_settings,
        "replay": replay,
        "export": export,
        "backup": back_up,
        "identify": identify,
        "selftest": selftest,
        "correction": correct,
        "update": update,
        "rollback": rollback,
        "undo": undo,
    }
    return CommandDesk(room, quick, slow, room.outbox.bell.ring, clock_s)
