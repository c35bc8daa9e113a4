"""Letters: messages that are no outbox rows: notices, answers, rows sent again. They live in memory."""

from __future__ import annotations

from cardscanner.publish.link import Answer, Link
from cardscanner.publish.messages import Letter
from cardscanner.publish.sender import ANSWER_S, FAILURE


class Letters:
    """Sends them on one connection after the other and knows what the broker said."""

    def __init__(self) -> None:
        self.refused: dict[str, int] = {}
        """Reason code by topic, until the broker takes a message there."""
        self._under_way: dict[int, tuple[str, float]] = {}

    def send(self, link: Link, letter: Letter, now_s: float) -> None:
        """Send one; with QoS 0 that is the last of it."""
        mid = link.publish(letter)
        if letter.qos:
            self._under_way[mid] = (letter.topic, now_s)

    def answered(self, answer: Answer) -> None:
        """Take the broker's word."""
        topic, _ = self._under_way.pop(answer.mid, ("", 0.0))
        if answer.code >= FAILURE:
            self.refused[topic] = answer.code
        else:
            self.refused.pop(topic, None)

    def stalled(self, now_s: float) -> bool:
        """Tell whether the broker's word is overdue."""
        return any(now_s - since_s > ANSWER_S for _, since_s in self._under_way.values())

    @property
    def waiting(self) -> int:
        """How many the broker has not answered."""
        return len(self._under_way)

    def forget(self) -> None:
        """The connection is over."""
        self._under_way.clear()
        self.refused.clear()
