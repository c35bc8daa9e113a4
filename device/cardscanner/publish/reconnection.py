"""Reconnection: when the next connection is tried, and what is wrong until it works.

A broker that is away is tried every few seconds, so that scans flow again soon after it returns. One that
says no is asked rarely: asking faster cannot help, and some brokers lock clients out. One that gave our name
to another client is left alone for longer, or the two would push each other out for ever.
"""

from __future__ import annotations

from cardscanner.publish.link import Accepted, Ended
from cardscanner.publish.pacing import Backoff
from cardscanner.publish.status import Troubles

UNREACHABLE = "mqtt_unreachable"
REFUSED = "mqtt_refused"
TAKEN_OVER = "mqtt_taken_over"
_NAMES = (UNREACHABLE, REFUSED, TAKEN_OVER)

SESSION_TAKEN_OVER = 142
_FIXES = {
    132: "it does not speak this protocol version: set publish.protocol to 3.1.1",
    133: "it does not accept the client id: allow cardscanner-<device_id> there",
    134: "check publish.username and the password file",
    135: "check publish.username, the password file and the broker's access rules",
    138: "it has banned this client: lift the ban there",
    140: "it wants another way of authentication than user name and password",
    149: "a message is larger than it allows: raise its packet limit",
    154: "it does not allow retained messages: allow them there",
    155: "it does not allow QoS 1: allow it there",
    156: "it has moved: change publish.host",
    157: "it has moved: change publish.host",
}
"""Reason codes after which a person has to act."""
_TWINS = "is there a second device with the same device_id, or a second daemon?"
_SHORT_S = 3.0
_SHORT_LIVES = 3
_LONG_S = 60.0


def explain_end(
    where: str, end: Ended, *, accepted: bool, mqtt5: bool = True, tls: bool = False
) -> tuple[str, str]:
    """Return the trouble's name and, in plain words, why a connection ended and what to do."""
    if end.code == SESSION_TAKEN_OVER:
        return TAKEN_OVER, f"{where} gave our client id to another connection: {_TWINS}"
    if end.code in _FIXES:
        return REFUSED, f"{where} refuses us: {end.text} ({end.code}): {_FIXES[end.code]}"
    if accepted or end.code is not None:
        return UNREACHABLE, f"{where}: connection lost: {end.text}"
    ended = f"{where} ended the connection before it accepted us: {end.text}"
    if tls:
        return REFUSED, f"{ended}: does it want a client certificate (publish.tls.cert_file)?"
    version = "5" if mqtt5 else "3.1.1"
    return (
        UNREACHABLE,
        f"{ended}: is this an MQTT port without TLS, and does the broker speak MQTT {version}?",
    )


class Reconnection:
    """Keeps the time of the next attempt. All times are seconds of one monotonic clock."""

    def __init__(self, where: str, troubles: Troubles, *, mqtt5: bool, tls: bool) -> None:
        self._where = where
        self._troubles = troubles
        self._mqtt5 = mqtt5
        self._tls = tls
        self._next_s = 0.0
        self._short_lives = 0
        self._backoffs = {
            UNREACHABLE: Backoff(1.0, 5.0),
            REFUSED: Backoff(5.0, 50.0),
            TAKEN_OVER: Backoff(40.0, 320.0),
        }

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until the next attempt."""
        return max(0.0, self._next_s - now_s)

    def unreachable(self, cause: str, now_s: float) -> None:
        """The network or the broker is away."""
        self._later(UNREACHABLE, cause, now_s)

    def refused(self, cause: str, now_s: float) -> None:
        """A person has to act."""
        self._later(REFUSED, cause, now_s)

    def ended(self, end: Ended, accepted: Accepted | None, lived_s: float, now_s: float) -> None:
        """Take note of the end of a connection that lived for ``lived_s`` after it was accepted."""
        name, cause = explain_end(
            self._where, end, accepted=accepted is not None, mqtt5=self._mqtt5, tls=self._tls
        )
        if lived_s > _LONG_S:
            self._backoffs[TAKEN_OVER].reset()
        if self._pushed_out(end, accepted, lived_s):
            name, cause = (
                TAKEN_OVER,
                f"{self._where} closes each connection soon after it accepted us: {_TWINS}",
            )
        self._later(name, cause, now_s)

    def works(self) -> None:
        """The broker answers our messages."""
        self._troubles.leave(*_NAMES)
        for name in (UNREACHABLE, REFUSED):
            self._backoffs[name].reset()

    def _later(self, name: str, cause: str, now_s: float) -> None:
        self._next_s = now_s + self._backoffs[name].next_s()
        self._troubles.enter(name, cause, instead_of=_NAMES)

    def _pushed_out(self, end: Ended, accepted: Accepted | None, lived_s: float) -> bool:
        """Guess it where no reason is given (MQTT 3.1.1, Mosquitto before 2.1): closed soon, again and again.

        With MQTT 5 a broker that crashes again and again is told apart: it does not remember our session.
        """
        known = accepted is not None and (accepted.resumed or not self._mqtt5)
        short = known and end.code is None and lived_s < _SHORT_S
        self._short_lives = self._short_lives + 1 if short else 0
        return self._short_lives >= _SHORT_LIVES
