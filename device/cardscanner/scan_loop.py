"""The body of the scan thread: newest frame in, decided cards into the outbox.

The thread owns embedder, index, database and decider, and opens them itself.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import closing

import structlog

from cardscanner.accelerator import Accelerator
from cardscanner.config import CameraConfig, Config, EmbedderConfig
from cardscanner.decide import Decider
from cardscanner.embed import start_embedder
from cardscanner.errors import (
    EmbedderAway,
    EmbedderFailed,
    EmbedderTimeout,
    IndexAway,
    OutboxFault,
    OutboxFull,
)
from cardscanner.history import History
from cardscanner.history.photo import small_photo
from cardscanner.live import LiveView, Scene
from cardscanner.mailbox import LatestSlot
from cardscanner.newer import NewerDatabase, Opened
from cardscanner.pipeline import Stopwatch, scan_frame
from cardscanner.probe import Probe, look_at
from cardscanner.publish import Outbox
from cardscanner.publish.payload import ArtifactRef, DatabaseRef
from cardscanner.publish.scan import ScanFacts, store_message
from cardscanner.recent import RecentScans, picture_of, recent_scans
from cardscanner.records import Frame, ScanEvent
from cardscanner.rooms import Rooms, open_rooms
from cardscanner.vitals import Vitals

log = structlog.get_logger(__name__)

STALE_S = 2.0
"""An older frame is no news: it is not scanned."""

MAX_WAITING = 200
"""Decided cards held in memory while the disk refuses them; then scanning pauses until it takes them."""

_IDLE_S = 0.5
_OPENING_S = 0.05


class ScanLoop:
    """Call it with the stop event: it is the thread's body."""

    def __init__(
        self,
        config: Config,
        slot: LatestSlot[Frame],
        outbox: Outbox,
        vitals: Vitals,
        history: History | None = None,
        live: LiveView | None = None,
        probe: Probe | None = None,
    ) -> None:
        self._config = config
        self._live = live or LiveView()
        self._probe = probe or Probe()
        self._slot = slot
        self._vitals = vitals
        self._recent = recent_scans(config.corrections)
        self._history = history
        self._store = Storekeeper(outbox, vitals, self._recent, history)
        self._chip: Accelerator

    def __call__(self, stopping: threading.Event) -> None:
        """Scan until the stop; what cannot be cured here is raised and ends the process."""
        config = self._config
        with open_rooms(
            config.finder, config.embedder, config.index, config.decide.top, config.verify, self._load
        ) as rooms:
            self._vitals.database_is(rooms.database.manifest)
            self._tell_without_pictures(rooms)
            decider = Decider(
                config.decide,
                rooms.rule,
                rooms.database.card_of,
                rooms.eye.search,
                config.camera.name,
                rooms.look,
            )
            self._await_chip(stopping)
            self._vitals.progress("scan")
            self._vitals.ready.set()
            newer = NewerDatabase(config.index, rooms.model, rooms.database.manifest)
            try:
                with closing(newer):
                    self._scan(stopping, rooms, decider, newer)
            finally:
                self._store.finish()

    def _load(self, config: EmbedderConfig) -> Accelerator:
        self._chip = Accelerator(start_embedder(config), self._vitals, chip=config.backend == "hailo")
        return self._chip

    def _await_chip(self, stopping: threading.Event) -> None:
        """Wait until the accelerator is open, or known to be away: then we are ready all the same."""
        while not self._chip.attend() and self._chip.opening:
            if stopping.wait(_OPENING_S):
                return

    def _scan(self, stopping: threading.Event, rooms: Rooms, decider: Decider, newer: NewerDatabase) -> None:
        facts = scan_facts(self._config, rooms)
        while not stopping.is_set():
            self._vitals.progress("scan")
            seeing = self._chip.attend()
            opened = newer.take()
            if opened is not None:
                self._turn_to(opened, rooms, decider)
                facts = scan_facts(self._config, rooms)
            self._probe.answer(
                lambda: look_at(self._slot.newest, rooms, self._config.decide.top, decider.outlines())
            )
            if not self._store.keep_up() or self._vitals.paused:
                stopping.wait(_IDLE_S)
            elif seeing:
                self._next_frame(rooms, decider, facts)
            else:
                self._skip_frame(stopping)

    def _skip_frame(self, stopping: threading.Event) -> None:
        """Let a frame of a camera go by, because nothing could be known about it; a recording waits."""
        if is_lossless(self._config.camera):
            stopping.wait(_OPENING_S)
        elif (frame := self._slot.take(_OPENING_S)) is not None:
            self._vitals.skipped()
            if self._live.watched:
                self._live.scenes.put(Scene(frame, ()))

    def _turn_to(self, opened: Opened, rooms: Rooms, decider: Decider) -> None:
        """Go on with a newer version of the database, between two frames."""
        before, after = rooms.database.manifest, opened.database.manifest
        rooms.turn_to(opened.database, opened.index)
        decider.turn_to(rooms.rule, rooms.database.card_of, rooms.database.row_of, rooms.look)
        self._vitals.database_is(after)
        self._tell_without_pictures(rooms)
        log.info("new database in use", version=after.version, cards=after.cards, before=before.version)

    def _tell_without_pictures(self, rooms: Rooms) -> None:
        if self._config.verify.enabled and rooms.look is None:
            log.warning(
                "the database has no pictures: candidates are not looked at again; build it again",
                database=str(self._config.index.database),
            )

    def _next_frame(self, rooms: Rooms, decider: Decider, facts: ScanFacts) -> None:
        frame = self._slot.take(_IDLE_S)
        if frame is None or self._is_stale(frame):
            return
        try:
            events = scan_frame(frame, rooms.eye, decider, watch := Stopwatch())
        except (EmbedderTimeout, EmbedderFailed, EmbedderAway) as error:
            self._chip.failed(error)  # nothing is known about the frame: no event, above all no "no match"
            return
        except IndexAway as error:
            if self._vitals.enter("index", str(error)):
                log.error("the index is away; frames are skipped until it answers", error=str(error))
            return
        self._vitals.stages.observe(watch.ms)
        if "embed" in watch.ms:
            self._chip.answered()
        if self._live.watched:
            self._live.scenes.put(Scene(frame, decider.outlines()))
        if "search" in watch.ms and self._vitals.leave("index"):
            log.info("the index answers again")
        for event in events:
            log.info(
                "card decided",
                decision=event.verdict.decision,
                card=_name(event),
                score=round(event.verdict.score, 3),
                margin=round(event.verdict.margin, 3),
                check=_second_look(event),
                frames=event.frames,
                stages_ms={name: round(value, 1) for name, value in watch.ms.items()},
            )
            wanted = self._recent is not None or self._vitals.pictures is not None
            photo = small_photo(event, frame) if self._history and self._history.wants_photos else None
            self._store.add(event, facts, picture_of(event, frame) if wanted else None, photo)

    def _is_stale(self, frame: Frame) -> bool:
        """A recording that waits for us stays what it was, however long we take."""
        old = time.monotonic_ns() - frame.captured_ns > STALE_S * 1e9
        return old and not is_lossless(self._config.camera)


class Storekeeper:
    """Decided cards on their way to the disk; none is dropped while the disk refuses them."""

    def __init__(
        self,
        outbox: Outbox,
        vitals: Vitals,
        recent: RecentScans | None = None,
        history: History | None = None,
    ) -> None:
        self._outbox = outbox
        self._recent = recent
        self._history = history
        self._vitals = vitals
        self._waiting: deque[tuple[ScanEvent, ScanFacts, bytes | None, bytes | None]] = deque()

    def add(
        self,
        event: ScanEvent,
        facts: ScanFacts,
        picture: bytes | None = None,
        photo: bytes | None = None,
    ) -> None:
        """Store an event, or keep it until it can be; picture: for corrections, photo: for the history."""
        self._waiting.append((event, facts, picture, photo))
        self.keep_up()

    def keep_up(self) -> bool:
        """Store what waits, in order; return whether more may be decided."""
        while self._waiting:
            event, facts, picture, photo = self._waiting[0]
            try:
                stamp, message = store_message(self._outbox, event, facts)
            except OutboxFull as error:
                self._refused("outbox_full", error)
                return len(self._waiting) < MAX_WAITING
            except OutboxFault as error:
                self._refused("disk", error)
                return len(self._waiting) < MAX_WAITING
            self._waiting.popleft()
            self._vitals.decided(event.verdict.decision)
            if self._history is not None:
                self._history.add(message, photo)
            pictures = self._vitals.pictures
            if pictures is not None and picture is not None and event.verdict.decision == "match":
                pictures.put(picture)
            if self._recent is not None:
                self._recent.add(stamp.id, event, facts.db.version, picture)
        for reason in ("outbox_full", "disk"):
            if self._vitals.leave(reason):
                log.info("scans are stored again", reason=reason)
        return True

    def finish(self) -> None:
        """Store what waits for the last time; say which cards the disk has never taken."""
        self.keep_up()
        if self._waiting:
            log.error(
                "decided cards are lost: the disk did not take them before the end",
                cards=[_name(event) for event, *_ in self._waiting],
            )

    def _refused(self, reason: str, error: OutboxFault) -> None:
        if self._vitals.enter(reason, str(error)):
            log.error("scans cannot be stored; they wait in memory", reason=reason, error=str(error))


def is_lossless(camera: CameraConfig) -> bool:
    """Tell whether each frame waits until it has been scanned: a recording that is not played as live."""
    return camera.backend == "replay" and not camera.paced


def _name(event: ScanEvent) -> str | None:
    return event.verdict.candidates[0].card.card_id if event.verdict.candidates else None


def _second_look(event: ScanEvent) -> float | None:
    check = event.verdict.check
    return None if check is None else round(check.score, 3)


def scan_facts(config: Config, rooms: Rooms) -> ScanFacts:
    """What is the same in every scan message of this run."""
    manifest = rooms.database.manifest
    return ScanFacts(
        config.device_id,
        config.game,
        ArtifactRef(name=rooms.model.name, sha256=rooms.embedder.info.sha256),
        DatabaseRef(version=manifest.version, sha256=manifest.sha256),
    )
