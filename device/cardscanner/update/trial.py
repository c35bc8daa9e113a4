"""Trial: what a running scanner does about a change on trial: keep it when all stays well, or take it back.

The daemon notices a new database by itself, reads its configuration again for a new model, and is started
again for a new program; so nothing has to tell it which process changed the links.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import structlog

from cardscanner.config import Config
from cardscanner.errors import CardscannerError, OutboxFault, PublishError
from cardscanner.manifest import ModelManifest
from cardscanner.publish import Outbox
from cardscanner.publish.clock import boot_id
from cardscanner.publish.event import store_event
from cardscanner.update.child import Child
from cardscanner.update.release import Kind
from cardscanner.update.releases import Releases, releases_of
from cardscanner.update.settling import kept, settle, took_back
from cardscanner.update.state import Change, UpdateState, change_state, load_state
from cardscanner.vitals import Vitals

log = structlog.get_logger(__name__)

READY_S = 30.0
"""From the switch, or from the start of this process: then the scanner works with the new version."""
GOOD_S = 60.0
"""Healthy for so long without a break: the change is good."""
PROOF_S = 60.0
"""For the self-test in use, which takes seconds: what hangs is no good either."""
_PROCESS_STARTED_S = time.monotonic()
_HOME = Path(sys.prefix).resolve()
"""Of the program that runs, now: the link on the way to it may lead elsewhere later."""
_TROUBLES: dict[Kind, tuple[str, ...]] = {
    "database": ("index",),
    "model": ("index", "npu", "npu_absent", "npu_mismatch"),
    "program": ("index", "npu", "npu_absent", "npu_mismatch"),
}
"""Reasons of ``state`` that a bad release can be behind, by its kind."""


class Wishes(Protocol):
    """What the main thread looks at."""

    reload: bool
    restart: bool


class Trial:
    """Owned by the thread that looks after updates."""

    def __init__(
        self,
        config: Config,
        config_path: Path,
        model: ModelManifest,
        vitals: Vitals,
        wishes: Wishes,
        good_s: float = GOOD_S,
        ready_s: float = READY_S,
    ) -> None:
        self.releases = releases_of(config)
        self.state = UpdateState()
        self._config_path = config_path
        self._device_id = config.device_id
        self._model = model
        self._vitals = vitals
        self._wishes = wishes
        self._good_s, self._ready_s = good_s, ready_s
        self._began = {kind: self.releases.in_use(kind) for kind in ("model", "program")}
        self._asked = False
        self._healthy_s: float | None = None
        self._proof: Child | None = None
        self._proved = False
        self._of: str = ""

    def step(self, outbox: Outbox) -> None:
        """Look, and do what is due; cheap when nothing is."""
        self.state = load_state(self.releases)
        change = self.state.change
        self._follow_links()
        if change is None:
            return
        if change.step == "trial":
            self._judge(change)
        elif change.step in {"good", "rolled_back"} and not change.told:
            self._tell(change, outbox)

    def close(self) -> None:
        """End the self-test if it is running."""
        if self._proof is not None:
            self._proof.close()
            self._proof = None

    def _follow_links(self) -> None:
        """A model or program of another version than ours was put in place, or ours was taken back."""
        if self._asked:
            return
        if self._began["program"] != self.releases.in_use("program"):
            self._asked = self._wishes.restart = True
        elif self._began["model"] != self.releases.in_use("model"):
            self._asked = self._wishes.reload = True

    def _judge(self, change: Change) -> None:
        now = time.monotonic()
        if self._of != (mark := f"{change.title} {change.mono_s}"):
            self._of, self._healthy_s, self._proved = mark, None, False
            self.close()
        why_not = self._why_not(change)
        if why_not is not None:
            self._healthy_s = None
            if now > self._deadline_s(change):
                self._take_back(f"the scanner did not get ready within {self._ready_s:g} s: {why_not}")
            return
        self._healthy_s = now if self._healthy_s is None else self._healthy_s
        if not self._proved:
            self._prove()
        elif now - self._healthy_s >= self._good_s and kept(self.releases):
            log.info("update is good", update=change.title)

    def _deadline_s(self, change: Change) -> float:
        switched_s = change.mono_s if change.boot == boot_id() else 0.0
        return max(switched_s, _PROCESS_STARTED_S) + self._ready_s

    def _why_not(self, change: Change) -> str | None:
        """Return why the scanner does not work well with the new versions; ``None``: it does."""
        if not self._vitals.ready.is_set():
            return "it is still starting"
        for kind, swap in change.swaps.items():
            running = self._running(kind)
            if running != swap.version:
                return f"it works with {kind} {running or 'of another installation'}, not {swap.version}"
        suspected = {reason for kind in change.swaps for reason in _TROUBLES[kind]}
        troubles = suspected & set(self._vitals.reasons)
        return f"it reports {', '.join(sorted(troubles))}" if troubles else None

    def _running(self, kind: Kind) -> str | None:
        match kind:
            case "database":
                database = self._vitals.database
                return None if database is None else database.version
            case "model":
                return self._model.version
            case "program":
                return _version_running(self.releases)

    def _prove(self) -> None:
        if self._proof is None:
            self._proof = Child(
                ["update", "selftest", "--in-use", "--json", "--config", str(self._config_path)]
            )
            return
        ended = self._proof.ended()
        if ended is None and self._proof.age_s < PROOF_S:
            return
        said = self._proof.said()
        self.close()
        error = said[-1].get("error") if said else None
        if ended is None:
            self._take_back(f"the self-test in use took longer than {PROOF_S:g} s")
        elif ended == "":
            self._proved = True
        else:
            self._take_back(str(error["message"]) if error else f"the self-test in use failed: {ended}")

    def _take_back(self, why: str) -> None:
        if took_back(self.releases, why):
            log.error("update is rolled back", why=why)

    def _tell(self, change: Change, outbox: Outbox) -> None:
        """Store the outcome as an event; it is told again rather than never."""
        if change.step == "rolled_back" and not self._vitals.ready.is_set():
            return
        for kind, swap in change.swaps.items():
            data = {"kind": kind, "name": swap.name, "version": swap.version, "previous": swap.previous}
            try:
                if change.step == "good":
                    store_event(outbox, self._device_id, "update_applied", data)
                else:
                    store_event(outbox, self._device_id, "rolled_back", {**data, "why": change.why})
            except OutboxFault:  # full, or no disk: the scan thread says so
                return
        change_state(self.releases, lambda state: _as_told(state, change))


def _as_told(state: UpdateState, change: Change) -> UpdateState:
    if state.change != change:  # another one has begun since
        return state
    return state.model_copy(update={"change": change.model_copy(update={"told": True})})


def _version_running(releases: Releases) -> str | None:
    """Return the release that this Python's environment lies in."""
    shelf = releases.folder("program", "x").parent.resolve()
    return _HOME.relative_to(shelf).parts[0] if shelf != _HOME and _HOME.is_relative_to(shelf) else None


def begin(config: Config) -> bool:
    """Before a scanner starts: finish or undo what was cut short, and count a start on trial.

    Returns
    -------
    bool
        Whether that took the program that runs out of use: a new process has to start the one before.
    """
    releases = releases_of(config)
    if not releases.root.is_dir():
        return False
    before = releases.in_use("program")
    state = settle(releases, starting=True)
    if state.change is not None and state.change.step == "trial":
        log.info("on trial", update=state.change.title, start=state.change.starts)
    if releases.in_use("program") in {before, None}:
        return False
    log.error("update is rolled back", why="" if state.change is None else state.change.why)
    return _version_running(releases) == before


def serve_on_trial(config: Config, serve: Callable[[], Config | None], wishes: Wishes) -> Config | None:
    """Serve; where that fails while a change is on trial, go back and serve once more.

    A program that was taken back cannot do that: a new process has to start what is in use now.

    Raises
    ------
    CardscannerError
        As ``serve`` does, when no update can be to blame.
    """
    try:
        return serve()
    except PublishError:
        raise
    except CardscannerError as error:
        if not took_back(releases_of(config), f"the scanner could not work with it: {error}"):
            raise
        log.error("update is rolled back: the scanner could not work with it", error=str(error))
        change = load_state(releases_of(config)).change
        if change is not None and "program" in change.swaps:
            wishes.restart = True
            return None
        return serve()
