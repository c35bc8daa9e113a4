"""``identify``: the box blinks, so that a person finds it among others."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from cardscanner.control.room import ControlRoom
from cardscanner.errors import CommandRefused
from cardscanner.publish.orders import AnyAnswer, Order, asked, good
from cardscanner.publish.payload_answer import IdentifyData
from cardscanner.publish.payload_request import IdentifyRequest

_HALF_PERIOD_S = 0.125


def identify(room: ControlRoom, order: Order) -> AnyAnswer:
    """Blink for some seconds, then give the LED back to what it showed before."""
    request = asked(order, IdentifyRequest)
    led = room.led
    try:
        chosen = re.search(r"\[([^]]+)\]", (led / "trigger").read_text(encoding="ascii"))
        (led / "trigger").write_text("none", encoding="ascii")
    except OSError as error:
        raise CommandRefused(
            "not_available",
            f"not available on this installation: {led} cannot be switched: {error.strerror or error}",
        ) from error
    try:
        _blink(led / "brightness", request.seconds, room.stopping)
    finally:
        (led / "trigger").write_text(chosen[1] if chosen else "none", encoding="ascii")
    return good(order, IdentifyData(led=led.name, seconds=request.seconds))


def _blink(brightness: Path, seconds: int, stopping: threading.Event) -> None:
    for step in range(round(seconds / _HALF_PERIOD_S)):
        brightness.write_text("01"[step % 2], encoding="ascii")
        if stopping.wait(_HALF_PERIOD_S):
            return
