"""Findings: what about a box needs a person, in words, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cardscanner.fleet.box import Box, Moment
from cardscanner.publish.payload_state import StatePayload
from cardscanner.publish.payload_update import ChangePayload, UpdatePayload
from cardscanner.reasons import reasons_of
from cardscanner.remedies import remedy_of

Level = Literal["bad", "warning", "note"]
LEVELS: tuple[Level, ...] = ("bad", "warning", "note")
"""The worst first; a note is nothing that a person must do something about."""

_EVERY_S = 30.0
"""How often a state comes from a box that does not say it."""
_STARTS_WITHIN_S = 120.0
_WAITS_S = 120.0
_UNHEARD = 3
_UNACKNOWLEDGED = 1000
_UNDER_WAY = {"downloading", "verified", "tested", "switching", "rolling_back"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about one box."""

    level: Level
    name: str
    words: str
    fix: str | None = None


def findings_of(box: Box, now: Moment, listening_s: float | None) -> list[Finding]:
    """Return what is to be said about a box by itself, the worst first.

    ``listening_s``: since when we hear the broker, on our monotonic clock; ``None``: we do not.
    """
    found = [*_identity(box, now), *_unreadable(box)]
    if box.status == "online":
        found += _silent(box, now, listening_s)
        found += [] if box.state is None else _state(box.state)
    else:
        found.append(_away(box, now))
    if box.update is not None:
        found += _update(box.update)
    return sorted(found, key=lambda each: LEVELS.index(each.level))


def span(seconds: float) -> str:
    """Return a time span for people: ``40 s``, ``12 min``, ``3 h``, ``5 days``."""
    if seconds < 100:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def _identity(box: Box, now: Moment) -> Iterator[Finding]:
    if (clash := box.clash(now.s)) is not None:
        yield Finding(
            "bad",
            "clash",
            f"two boxes have this id: {clash}",
            "Give each box its own device_id; a replaced machine needs nothing, this ends by itself.",
        )


def _unreadable(box: Box) -> Iterator[Finding]:
    for kind, why in sorted(box.unreadable.items()):
        yield Finding(
            "warning",
            "unreadable",
            f"its {kind} cannot be read: {why}",
            f"Is the box newer than this program? If nothing of ours writes it, empty the topic "
            f"cardscanner/{box.device}/{kind}.",
        )


def _away(box: Box, now: Moment) -> Finding:
    if box.status is None:
        return Finding(
            "bad", "unknown", "nothing says whether it is online", "Look whether the box still exists."
        )
    orderly = box.state is not None and box.state.lifecycle == "stopping"
    word = "was stopped" if orderly else "offline"
    return Finding(
        "warning" if orderly else "bad",
        "stopped" if orderly else "offline",
        f"{word}{_since(box, now)}",
        "Start it again." if orderly else "Check its power and its network; scans wait on its disk.",
    )


def _since(box: Box, now: Moment) -> str:
    if box.went is not None:
        return f" since {_clock(box.went.wall, now.wall)} ({span(now.s - box.went.s)})"
    if box.state is not None:
        age_s = (now.wall - box.state.ts).total_seconds()
        return f", last word {_clock(box.state.ts, now.wall)} ({span(age_s)} ago)"
    return ""


def _clock(moment: datetime, now: datetime) -> str:
    near = abs((now - moment).total_seconds()) < 12 * 3600
    return moment.astimezone().strftime("%H:%M" if near else "%Y-%m-%d %H:%M")


def _silent(box: Box, now: Moment, listening_s: float | None) -> Iterator[Finding]:
    """It counts as online, and yet does not say what it must say every half minute."""
    heard = box.heard.get("state")
    if listening_s is None:
        return
    if box.state is None:
        since_s, every_s = listening_s, _EVERY_S
    else:
        since_s = max(listening_s, listening_s if heard is None else heard.s)
        every_s = box.state.every_s or _EVERY_S
    quiet_s = now.s - since_s
    if box.state is not None and "state" in box.kept and box.state.clock.synced:
        age_s = (now.wall - box.state.ts).total_seconds()
        quiet_s = max(quiet_s, age_s - 60 if age_s > 60 else 0.0)
    if quiet_s > 3 * every_s + 10:
        yield Finding(
            "bad",
            "silent",
            f"says nothing for {span(quiet_s)} although the broker has it as online",
            "Look at the box. If it is gone for good, empty its retained topics; if this machine's clock is "
            "wrong, set it.",
        )


def _state(state: StatePayload) -> Iterator[Finding]:
    for reason in dict.fromkeys(reasons_of(state, hailo=False)):
        if reason == "starting":
            continue
        remedy = remedy_of(reason)
        yield Finding(remedy.condition, reason, remedy.words, remedy.fix)
    if state.lifecycle == "starting":
        remedy = remedy_of("starting")
        late = state.uptime_s > _STARTS_WITHIN_S
        yield Finding("warning" if late else "note", "starting", remedy.words, remedy.fix)
    elif not state.scanning and not state.reasons and state.camera.state == "ok":
        yield Finding("note", "paused", "scanning is paused", "`scanning` with `on` goes on.")
    yield from _waiting(state)


def _waiting(state: StatePayload) -> Iterator[Finding]:
    outbox, age_s = state.outbox, state.outbox.oldest_age_s or 0.0
    if outbox.depth and age_s > _WAITS_S:
        yield Finding(
            "warning",
            "backlog",
            f"{outbox.depth:,} messages wait, the oldest for {span(age_s)}",
            "They are sent when what else is said here is mended; the newest reason is in the box's log.",
        )
    if outbox.unacknowledged >= _UNACKNOWLEDGED:
        yield Finding(
            "warning",
            "unacknowledged",
            f"{outbox.unacknowledged:,} messages wait for a consumer's ack",
            "Start the consumer that publish.await_ack names, or take it out there.",
        )
    unheard = 0 if state.broker is None else state.broker.unheard
    if unheard >= _UNHEARD:
        yield Finding(
            "warning",
            "unheard",
            f"its scans reach nobody: the last {unheard:,} had no subscriber",
            "Start what listens to cardscanner/+/scan; `cmd/replay` brings them again.",
        )


def _update(update: UpdatePayload) -> Iterator[Finding]:
    change = update.change
    if change is not None:
        yield from _change(change)
    newer = update.latest_version
    if newer is not None and newer != update.installed_version:
        yield Finding(
            "note",
            "update",
            f"database {newer} is there",
            "`cardscanner update install database` on the box.",
        )


def _change(change: ChangePayload) -> Iterator[Finding]:
    what = f"{change.target} {change.version or ''}".strip()
    if change.step == "trial":
        yield Finding("note", "trial", f"{what} is on trial")
    elif change.step in _UNDER_WAY:
        yield Finding("note", "updating", f"{what}: {change.step.replace('_', ' ')}")
    elif change.step in {"rolled_back", "refused"}:
        words = f"{what} was {change.step.replace('_', ' ')}"
        yield Finding(
            "warning",
            change.step,
            f"{words}: {change.why}" if change.why else words,
            "`cardscanner update status` on the box tells more.",
        )
