"""Hearing: what is subscribed to on each connection, and what is done when the broker refuses it."""

from __future__ import annotations

from collections.abc import Sequence

from cardscanner.publish.link import Link
from cardscanner.publish.pacing import Backoff
from cardscanner.publish.status import Troubles

DEAF = "mqtt_deaf"


class Hearing:
    """Subscribes anew on each connection; a refusal is a trouble by name and is tried again, calmly."""

    def __init__(self, where: str, topics: Sequence[str], troubles: Troubles) -> None:
        self._where = where
        self._topics = tuple(topics)
        self._troubles = troubles
        self._backoff = Backoff(5.0, 50.0)
        self._again_s: float | None = None

    def connected(self, link: Link) -> None:
        """Begin a connection."""
        self._again_s = None
        if self._topics:
            link.subscribe(self._topics)

    def look(self, link: Link, now_s: float) -> None:
        """Take the broker's answer; call it about once a second."""
        if not link.subscribed:
            return
        if link.deaf is None:
            self._troubles.leave(DEAF)
            self._backoff.reset()
        elif self._again_s is None:
            self._again_s = now_s + self._backoff.next_s()
            self._troubles.enter(DEAF, self._explain(link.deaf))
        elif now_s >= self._again_s:
            self.connected(link)

    def _explain(self, reason: str) -> str:
        return (
            f"{self._where} does not let us subscribe: {reason}: nothing that is said to us arrives: allow "
            f"these topics in its access rules: {', '.join(self._topics)}"
        )
