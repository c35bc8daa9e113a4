"""Replays: asking a device to send again what was not heard, until it comes or is known to be gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from secrets import token_hex

from pydantic import ValidationError

from cardscanner.listen.gaps import Gap, Gaps
from cardscanner.publish.payload_answer import Answer, ReplayData
from cardscanner.publish.payload_request import ReplayRequest

GRACE_S = 2.0
"""A gap that is younger may still close by itself: messages of one device can overtake each other."""
ANSWER_S = 10.0
TRIES = 3
_PACE_PER_S = 50.0
"""Slowest pace at which a replay is expected to come."""
_MOST = 1_000
_NEAR = 100
"""Gaps that are nearer to each other are asked for together: what lies between comes twice."""

ReplayAnswer = Answer[ReplayData]


@dataclass(slots=True)
class _Question:
    """What a device was asked last."""

    gap: Gap
    transaction: str
    again_s: float
    tries: int
    answered: bool = False


class Replays:
    """One question at a time for each device."""

    def __init__(self, gaps: Gaps, grace_s: float = GRACE_S) -> None:
        self.lost = 0
        """Messages that will not come."""
        self._gaps = gaps
        self._grace_s = grace_s
        self._asked: dict[str, _Question] = {}
        self._offline: set[str] = set()

    def availability(self, device: str, *, online: bool) -> None:
        """A device that is away is not asked."""
        (self._offline.discard if online else self._offline.add)(device)

    def due(self, now_s: float) -> tuple[list[tuple[str, ReplayRequest]], list[str]]:
        """Return what to ask whom now, and what to tell the person."""
        requests: list[tuple[str, ReplayRequest]] = []
        words: list[str] = []
        for gap in self._first_of_each_device():
            if gap.stream.device in self._offline or now_s - gap.since_s < self._grace_s:
                continue
            before = self._asked.get(gap.stream.device)
            same = before is not None and before.gap.overlaps(gap)
            if before is not None and now_s < before.again_s and (same or not before.answered):
                continue
            tries = before.tries + 1 if before is not None and same else 1
            if tries > TRIES:
                words += self._give_up(gap, "it was asked for them and they do not come")
            else:
                requests.append((gap.stream.device, self._ask(gap, tries, now_s)))
        return requests, words

    def answered(self, device: str, payload: bytes, now_s: float) -> list[str]:
        """Take an answer of the device to somebody's ``replay``; return what to tell the person."""
        question = self._asked.get(device)
        try:
            answer = ReplayAnswer.model_validate_json(payload)
        except ValidationError:
            return []
        if question is None or question.answered or answer.transaction != question.transaction:
            return []
        if answer.error is not None:
            return self._refused(question, answer.error.code, answer.error.message, now_s)
        question.answered = True
        if answer.data is None:
            return []
        question.again_s = now_s + GRACE_S + ANSWER_S + answer.data.count / _PACE_PER_S
        return [
            words
            for span in answer.data.missing
            for words in self._give_up(
                Gap(question.gap.stream, span.from_seq, span.to_seq, now_s), "it no longer has them"
            )
        ]

    def _refused(self, question: _Question, code: str, message: str, now_s: float) -> list[str]:
        if code == "busy":
            question.again_s = now_s + ANSWER_S
            return []
        del self._asked[question.gap.stream.device]
        return self._give_up(question.gap, f"it answers: {message}")

    def _first_of_each_device(self) -> list[Gap]:
        """Return the first gap of each device, together with those that follow soon."""
        first: dict[str, Gap] = {}
        for gap in self._gaps.missing():
            before = first.setdefault(gap.stream.device, gap)
            if before.stream == gap.stream and gap.first - before.last <= _NEAR:
                first[gap.stream.device] = replace(
                    before, last=gap.last, since_s=max(before.since_s, gap.since_s)
                )
        return [replace(gap, last=min(gap.last, gap.first + _MOST - 1)) for gap in first.values()]

    def _ask(self, gap: Gap, tries: int, now_s: float) -> ReplayRequest:
        transaction = f"listen-{token_hex(6)}"
        self._asked[gap.stream.device] = _Question(gap, transaction, now_s + ANSWER_S, tries)
        return ReplayRequest(
            transaction=transaction,
            epoch=gap.stream.epoch,
            from_seq=gap.first,
            to_seq=gap.last,
            max=gap.last - gap.first + 1,
        )

    def _give_up(self, gap: Gap, why: str) -> list[str]:
        """Expect them no more, and say so unless it is in doubt that they were scans."""
        lost = self._gaps.give_up(gap.stream, gap.first, gap.last)
        self.lost += lost
        return [f"lost: {gap}: {why}"] if lost else []
