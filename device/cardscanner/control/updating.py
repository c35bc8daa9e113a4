"""``update`` and ``rollback``: signed releases on trial, and the thread that looks after them."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog

from cardscanner.config import Config
from cardscanner.control.room import ControlRoom, Updates
from cardscanner.errors import CommandRefused, RefusalCode, SourceAway, UpdateCode, UpdateRefused
from cardscanner.manifest import ModelManifest
from cardscanner.publish import Outbox
from cardscanner.publish.orders import AnyAnswer, Order, accepted, asked
from cardscanner.publish.payload_request import RollbackRequest, Target, UpdateRequest
from cardscanner.publish.payload_update import ChangePayload, UpdatePayload
from cardscanner.update.child import Child
from cardscanner.update.plan import Allowed, Wish
from cardscanner.update.release import Kind, is_older
from cardscanner.update.settling import is_bad
from cardscanner.update.state import DECIDED, Change
from cardscanner.update.trial import Trial, Wishes
from cardscanner.update.updater import Updater
from cardscanner.vitals import Vitals

log = structlog.get_logger(__name__)

_KINDS: dict[Target, Kind] = {"db": "database", "model": "model", "daemon": "program"}
_TARGETS: dict[Kind, Target] = {kind: target for target, kind in _KINDS.items()}
_CODES: dict[UpdateCode, RefusalCode] = {
    "busy": "busy",
    "not_found": "not_found",
    "not_set_up": "not_available",
}
"""Any other refusal is ``failed``; its message says why."""
_LOOK_S = 0.5
_NICE = 10
"""Of installing: scanning goes first. (The self-test in use is short: what is wrong must not stay long.)"""
_MOST_WORDS = 255


class Updating:
    """Installs in a process of its own, and keeps an eye on what is on trial."""

    def __init__(
        self, config: Config, path: Path, model: ModelManifest, vitals: Vitals, wishes: Wishes
    ) -> None:
        self._path = path
        self._trial = Trial(config, path, model, vitals, wishes)
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._kind: Kind = "database"
        self._progress: dict[str, Any] = {}
        self._failed = self._error = ""

    def begin(self, wish: Wish) -> None:
        """Install in the background; :class:`CommandRefused` while that is going on already."""
        arguments = ["update", "install", wish.kind, "--json", "--no-wait", "--config", str(self._path)]
        if wish.version is not None:
            arguments += ["--version", wish.version]
        with self._lock:
            if self._child is not None:
                raise CommandRefused("busy", "another update is being installed: wait for its end")
            self._kind, self._progress, self._failed = wish.kind, {"step": "downloading"}, ""
            self._error = ""
            self._child = Child(arguments, nice=_NICE)

    def run(self, stopping: threading.Event, outbox: Outbox) -> None:
        """Look after updates until the stop; it is the thread's body."""
        with ExitStack() as stack:
            stack.callback(self._close)
            watching = False
            while not stopping.wait(_LOOK_S):
                if self._trial.releases.root.is_dir():
                    if not watching:
                        stack.enter_context(self._trial.releases.watching())
                        watching = True
                    self._trial.step(outbox)
                self._hear()

    def payload(self, name: str, installed: str) -> UpdatePayload:
        """Return the message on the topic ``update``."""
        state = self._trial.state
        with self._lock:
            busy, progress, failed, kind = self._child is not None, self._progress, self._failed, self._kind
        change = None if state.change is None else _shown(state.change)
        if busy and (state.change is None or state.change.step in DECIDED):  # it is still choosing
            change = ChangePayload(target=_TARGETS[kind], step=progress.get("step", "downloading"))
        elif failed:
            change = ChangePayload(target=_TARGETS[kind], step="refused", why=failed)
        latest = state.latest.get("database")
        offered = (
            latest is not None
            and latest != installed
            and not is_older(latest, installed)
            and is_bad(state, "database", name, latest) is None
        )
        words = change.why if change is not None and change.why else state.notes.get("database")
        return UpdatePayload(
            installed_version=installed,
            latest_version=latest if offered else installed if latest else None,
            title=f"Card database {name}",
            release_summary=words[:_MOST_WORDS] if words else None,
            release_url=state.pages.get("database") if offered else None,
            in_progress=busy,
            update_percentage=progress.get("percent") if busy else None,
            change=change,
        )

    def _hear(self) -> None:
        """Take what the installing process says, and how it ends."""
        child = self._child
        if child is None:
            return
        ended = child.ended()
        for said in child.said():
            if "error" in said:
                self._error = str(said["error"]["message"])
            else:
                self._progress = said
        if ended is None:
            return
        child.close()
        with self._lock:
            self._child, self._failed = (
                None,
                "" if ended == "" else self._error or f"installing failed: {ended}",
            )
        if self._failed:
            log.error("update is not installed", why=self._failed)

    def _close(self) -> None:
        self._trial.close()
        if self._child is not None:
            self._child.close()


def update(room: ControlRoom, order: Order) -> AnyAnswer:
    """Refuse with the exact reason, as far as the signed documents tell; else install in the background."""
    request = asked(order, UpdateRequest)
    updating = _updating(room)
    wish = Wish(_KINDS[request.target], request.version)
    try:
        Updater(room.config).choose([wish], Allowed())
    except UpdateRefused as refusal:
        raise CommandRefused(_CODES.get(refusal.code, "failed"), str(refusal)) from refusal
    except SourceAway as away:
        raise CommandRefused("failed", str(away)) from away
    updating.begin(wish)
    return accepted(order)


def rollback(room: ControlRoom, order: Order) -> AnyAnswer:
    """Go back to the version before; the scanner takes it up at once."""
    _updating(room)
    try:
        Updater(room.config).rollback([_KINDS[asked(order, RollbackRequest).target]])
    except UpdateRefused as refusal:
        raise CommandRefused(_CODES.get(refusal.code, "failed"), str(refusal)) from refusal
    return accepted(order)


def _updating(room: ControlRoom) -> Updates:
    if room.updates is None:
        raise CommandRefused("not_available", "this scanner takes no updates")
    return room.updates


def _shown(change: Change) -> ChangePayload:
    kind, swap = next(iter(change.swaps.items()))
    return ChangePayload(
        target=_TARGETS[kind], version=swap.version, step=change.step, why=change.why or None
    )
