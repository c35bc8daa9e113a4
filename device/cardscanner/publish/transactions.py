"""Transactions: what was asked lately, so that a command that comes twice is done once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

KEEP_S = 300.0
MOST = 20_000
_ANSWER_BYTES = 8192
_ALL_ANSWERS_BYTES = 2**21


@dataclass(slots=True)
class Transaction:
    """One command, by the name that whoever asked gave it."""

    command: str
    until_s: float
    answer: bytes | None = None
    """``None``: it is not answered yet, or the answer was too large to be kept."""


class Transactions:
    """Remembers them for five minutes; times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Transaction] = OrderedDict()
        self._bytes = 0

    def find(self, name: str, now_s: float) -> Transaction | None:
        """Return what is known of a transaction."""
        self._expire(now_s)
        return self._known.get(name)

    def begin(self, name: str, command: str, now_s: float) -> bool:
        """Remember a new one; ``False``: there are too many, it must not be done."""
        if len(self._known) >= MOST:
            return False
        self._known[name] = Transaction(command, now_s + KEEP_S)
        return True

    def finish(self, name: str, answer: bytes, now_s: float) -> None:
        """It is answered; five minutes count from now."""
        known = self._known.get(name)
        if known is None:
            return
        known.until_s = now_s + KEEP_S
        self._known.move_to_end(name)
        if len(answer) <= _ANSWER_BYTES and self._bytes + len(answer) <= _ALL_ANSWERS_BYTES:
            known.answer = answer
            self._bytes += len(answer)

    def _expire(self, now_s: float) -> None:
        while self._known:
            first = next(iter(self._known.values()))
            if first.until_s > now_s:
                return
            self._known.popitem(last=False)
            self._bytes -= len(first.answer or b"")
