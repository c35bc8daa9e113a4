"""What the way out tells about itself, and what it asks of the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from cardscanner.ports import Publisher
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.publish.payload_state import BrokerState, StatePayload

log = structlog.get_logger(__name__)


class Facts(Protocol):
    """What the daemon knows; called in the publish thread, about once a second, so it must be quick."""

    def info(self) -> InfoPayload:
        """Return what the device is."""

    def state(self) -> StatePayload:
        """Return how the device is; the way out adds its own reasons."""


@dataclass(frozen=True, slots=True)
class PublishStatus:
    """How the way out is doing; a snapshot for other threads."""

    connected: bool = False
    reasons: tuple[str, ...] = ()
    """Troubles in the words of the ``state`` topic: ``mqtt_denied``, ``mqtt_unreachable``, ..."""
    refusal: str | None = None
    """Newest trouble in plain words, with the fix; ``None`` when all is well."""
    delivered: int = 0
    undeliverable: int = 0
    unacknowledged: int = 0
    """Rows that the broker has and a consumer has not confirmed."""
    answers: Mapping[int, int] = field(default_factory=dict)
    """How often each MQTT reason code answered a row: 0, 16, 135, ..."""
    commands: Mapping[str, int] = field(default_factory=dict)
    unheard: int = 0
    """How many of the newest scans, in a row, nobody subscribed to."""
    """What became of the commands that came."""


def complete_state(facts: Facts, status: PublishStatus) -> StatePayload:
    """Return how the device is, with what its way out knows."""
    answers = {str(code): count for code, count in status.answers.items()}
    broker = BrokerState(
        connected=status.connected, answers=answers, commands=dict(status.commands), unheard=status.unheard
    )
    return facts.state().completed(status.reasons, status.undeliverable, status.unacknowledged, broker)


class ReportingPublisher(Publisher, Protocol):
    """A publisher that can be asked how it does."""

    def status(self) -> PublishStatus:
        """Return the newest snapshot; safe from every thread."""


class Troubles:
    """Troubles by name: logged once when they begin and once when they end."""

    def __init__(self, *, log: bool = True) -> None:
        self._active: dict[str, str] = {}
        self._log = log

    def enter(self, name: str, cause: str, *, instead_of: tuple[str, ...] = ()) -> None:
        """Begin a trouble, or change its cause; it may take the place of others."""
        if self._log and self._active.get(name) != cause:
            log.warning("publishing is in trouble", reason=name, cause=cause)
        others = {key: text for key, text in self._active.items() if key != name and key not in instead_of}
        self._active = {**others, name: cause}

    def leave(self, *names: str) -> None:
        """End troubles; those that never began are no news."""
        for name in names:
            if name in self._active:
                if self._log:
                    log.info("publishing has recovered", reason=name)
                self._active = {key: cause for key, cause in self._active.items() if key != name}

    @property
    def reasons(self) -> tuple[str, ...]:
        """Names of what is wrong now."""
        return tuple(sorted(self._active))

    @property
    def newest(self) -> str | None:
        """Cause of the trouble that began last."""
        return next(reversed(self._active.values()), None)
