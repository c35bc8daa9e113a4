"""``ping``, ``status``, ``scanning``: answered in the publish thread."""

from __future__ import annotations

import structlog

from cardscanner import __version__
from cardscanner.control.room import ControlRoom
from cardscanner.publish.orders import AnyAnswer, Order, asked, good
from cardscanner.publish.payload_answer import PingData, ScanningData
from cardscanner.publish.payload_request import ScanningRequest
from cardscanner.publish.status import complete_state

log = structlog.get_logger(__name__)


def ping(room: ControlRoom, order: Order) -> AnyAnswer:
    """Say that we are there."""
    data = PingData(device=room.config.device_id, daemon=__version__, uptime_s=round(room.vitals.uptime_s, 1))
    return good(order, data)


def status(room: ControlRoom, order: Order) -> AnyAnswer:
    """Say how we are, as on the topic ``state``."""
    return good(order, complete_state(room.facts, room.way_out()))


def scanning(room: ControlRoom, order: Order) -> AnyAnswer:
    """Pause, or go on; a restart goes on too."""
    on = asked(order, ScanningRequest).on
    if room.vitals.paused == on:
        room.vitals.paused = not on
        log.info("scanning goes on" if on else "scanning is paused by a command")
    return good(order, ScanningData(on=on))
