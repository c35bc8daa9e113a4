"""Asides: everything beside rows and retained topics: commands and answers, pictures, log lines, replays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from math import inf

from cardscanner.config import MqttConfig
from cardscanner.publish.announce import ONLINE, Announcer
from cardscanner.publish.extras import Extras
from cardscanner.publish.home_assistant import home_of
from cardscanner.publish.link import Accepted
from cardscanner.publish.messages import JPEG, Letter, Message
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.reception import Reception
from cardscanner.publish.topics import Topics

MOST_WAITING = 200
"""Messages that the broker has not answered; commands that come meanwhile are not taken."""
MAX_IMAGE_BYTES = 100_000


class Asides:
    """Owned by the publish thread."""

    def __init__(
        self,
        config: MqttConfig,
        topics: Topics,
        outbox: Outbox,
        extras: Extras,
        announcer: Announcer,
        clock_s: Callable[[], float],
    ) -> None:
        self._names = topics
        self._extras = extras
        self._announcer = announcer
        self._clock_s = clock_s
        home = home_of(config)
        self._birth = None if home is None else home.birth_topic
        self._dropped = 0
        self._reception = (
            None
            if extras.desk is None or not config.commands
            else Reception(topics, extras.desk, outbox, extras.transactions, config.response_prefix, clock_s)
        )

    @property
    def topics(self) -> list[str]:
        """What to subscribe to."""
        heard = [] if self._reception is None else list(self._names.heard())
        return heard if self._birth is None else [*heard, self._birth]

    @property
    def counts(self) -> Mapping[str, int]:
        """What became of the commands that came."""
        counts = {} if self._reception is None else dict(self._reception.counts)
        return counts | ({"too_fast": self._dropped} if self._dropped else {})

    @property
    def again(self) -> bool:
        """Whether rows are to be sent once more."""
        return self._extras.replays is not None and self._extras.replays.waiting

    def hear(self, messages: deque[Message], waiting: int) -> None:
        """Take what has come; ``waiting`` letters have no answer from the broker yet."""
        while messages:
            message = messages.popleft()
            if message.topic == self._birth:
                if message.payload == ONLINE:
                    self._announcer.home_was_born(self._clock_s())
            elif waiting >= MOST_WAITING:
                self._dropped += 1
            elif self._reception is not None:
                self._reception.hear(message)

    def due(self, accepted: Accepted | None) -> list[Letter]:
        """Return what is to be sent now."""
        letters = []
        if self._reception is not None:
            letters += self._reception.replies(accepted.max_packet if accepted else inf)
        picture = None if self._extras.pictures is None else self._extras.pictures.take(0)
        if picture is not None and len(picture) <= MAX_IMAGE_BYTES:
            letters.append(Letter(self._names.image, picture, qos=0, content_type=JPEG))
        line = None if self._extras.lines is None else self._extras.lines.next()
        if line is not None:
            letters.append(Letter(self._names.log, line.to_bytes(), qos=0))
        return letters

    def next_again(self) -> Letter | None:
        """Return the next row to send once more."""
        return None if self._extras.replays is None else self._extras.replays.next()
