"""The daemon: starts the threads, watches them, stops them in reverse.

capture -> LatestSlot -> scan -> outbox -> publish;  desk: slow commands;  main: signals, watchdog, systemd
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Literal

import structlog

from cardscanner.capture import check_source, open_source
from cardscanner.capture.health import CameraHealth
from cardscanner.capture.keeper import keep_capturing
from cardscanner.chronicle import Chronicle
from cardscanner.config import Config
from cardscanner.configfile import load_config
from cardscanner.control import CommandDesk, ControlRoom, Updating, open_desk
from cardscanner.control.memory import (
    log_file,
    log_lines,
    remember_restart,
    remembered_transactions,
    with_room,
)
from cardscanner.errors import CardscannerError
from cardscanner.facts import DeviceFacts
from cardscanner.heaps import keep_heaps_few, return_memory
from cardscanner.heart import OPEN_S, Heart, Limits
from cardscanner.history.keeping import keep_history, open_history
from cardscanner.live import LiveView
from cardscanner.logs import configure_logs
from cardscanner.mailbox import LatestSlot
from cardscanner.manifest import ModelManifest, agree, load_database_manifest, load_model_manifest
from cardscanner.notify import Notifier
from cardscanner.probe import Probe
from cardscanner.publish import Extras, Outbox, ReportingPublisher, open_publisher
from cardscanner.publish.replays import Replays
from cardscanner.recent_lines import RecentLines
from cardscanner.records import Frame
from cardscanner.reloading import read_again
from cardscanner.scan_loop import ScanLoop, is_lossless
from cardscanner.threads import Loop, Supervisor
from cardscanner.update import trial
from cardscanner.vitals import Vitals

log = structlog.get_logger(__name__)

DRAIN_S = 2.5
"""For delivering what is pending when we are asked to stop."""

STOP_S = 5.0
"""After this the process ends whether or not every thread has."""

_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a run is over, and the configuration of the next one, if there is to be one."""

    reason: Literal["stop", "reload", "restart", "replay over"]
    fresh: Config | None = None


class Signals:
    """What was asked of the process from outside, by signals or by commands.

    Plain flags: a handler runs between any two instructions of the main thread, and one that took a lock
    could find it taken by the very thread that it interrupted.
    """

    def __init__(self) -> None:
        self.stop = False
        self.reload = False
        self.restart = False
        self.restarted_by: str | None = None

    @contextmanager
    def listening(self) -> Iterator[Signals]:
        """Take SIGTERM, SIGINT and SIGHUP; the main thread must call this."""
        before = {
            number: signal.signal(number, self._note)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        else:
            self.stop = True


def run_daemon(path: Path, notifier: Notifier | None = None) -> bool:
    """Run until SIGTERM, SIGINT or the end of a recording; SIGHUP reads the configuration again.

    Returns
    -------
    bool
        Whether there is to be a new process: the command ``restart`` asked for it, or the program changed.

    Raises
    ------
    CardscannerError
        What could not be opened, or why a thread ended: the process should end with its ``exit_code``.
    """
    keep_heaps_few()
    notifier = notifier or Notifier()
    if trial.begin(first := load_config(path)):
        return True
    config: Config | None = first
    transactions, lines = remembered_transactions(), RecentLines()
    with Signals().listening() as signals:
        while config is not None:
            extras = Extras(transactions=transactions, lines=log_lines(config))
            lines.then = extras.lines
            configure_logs(config.log.level, config.log.format, lines, log_file(config))
            serve = partial(_serve, config, path, signals, notifier, extras, lines)
            config = trial.serve_on_trial(config, serve, signals)
            return_memory()
    return remember_restart(signals)


def _serve(
    config: Config,
    path: Path,
    signals: Signals,
    notifier: Notifier,
    extras: Extras,
    lines: RecentLines,
) -> Config | None:
    """One run with one configuration, from start-up to shut-down; return the next one, if any."""
    model, database = (
        load_model_manifest(config.embedder.model),
        load_database_manifest(config.index.database),
    )
    agree(model, database)
    check_source(config.camera)
    slot: LatestSlot[Frame] = LatestSlot()
    camera, vitals, threads = CameraHealth(), Vitals(), Supervisor()
    live, probe, scan_over = LiveView(), Probe(), threading.Event()
    with (
        closing(Outbox.open(config.outbox)) as outbox,
        closing(open_history(config, outbox)) as history,
    ):
        facts = DeviceFacts(config, model, database, camera, outbox, vitals, history)
        room = ControlRoom(
            config,
            path,
            outbox,
            history,
            Replays(outbox),
            vitals,
            slot,
            facts,
            signals,
            threads.stopping,
            lines,
        )
        room.updates = updates = Updating(config, path, model, vitals, signals)
        desk = open_desk(room)
        publisher = open_publisher(
            config.publish, config.device_id, outbox, facts, with_room(extras, room, desk)
        )
        room.way_out = publisher.status

        def publish(stopping: threading.Event) -> None:
            _publish(publisher, vitals, stopping, scan_over)

        def scan(stopping: threading.Event) -> None:
            try:
                ScanLoop(config, slot, outbox, vitals, history, live, probe)(stopping)
            finally:
                scan_over.set()

        def capture(stopping: threading.Event) -> None:
            # Frames that nobody can scan yet are of no use: a recording must not run away during start-up.
            while not vitals.ready.wait(_TICK_S):
                if stopping.is_set():
                    return
            _capture(config, slot, stopping, camera)

        patience_s = config.camera.timeout_s + config.camera.retry_s + OPEN_S
        heart = Heart(
            notifier, camera, vitals, outbox, Limits(camera_s=patience_s), web=config.web is not None
        )
        page = _page(room, desk, camera, model, live, probe, heart)

        threads.start("publish", publish)
        threads.start("desk", desk.run)
        threads.start("updates", partial(updates.run, outbox=outbox))
        threads.start("history", keep_history(config, history, outbox, vitals))
        threads.start("scan", scan)
        threads.start("capture", capture, may_end=True)
        if page is not None:
            threads.start("web", page)
        chronicle = Chronicle(outbox, config.device_id, camera, vitals)
        ending = _watch(threads, signals, path, heart, slot, chronicle)
        if ending.fresh is None and ending.reason != "restart":
            notifier.stopping()
        facts.stopping = True
        threads.stop()
        hanging = threads.join(STOP_S)
        if hanging:
            log.error("threads did not end in time", threads=hanging)
    _raise_early_end(threads)
    log.info("stopped", reason=ending.reason, frames_skipped=slot.lost, **vitals.scans)
    return ending.fresh


def _page(
    room: ControlRoom,
    desk: CommandDesk,
    camera: CameraHealth,
    model: ModelManifest,
    live: LiveView,
    probe: Probe,
    heart: Heart,
) -> Loop | None:
    """Return the web thread's body, if there is to be a page; without one its libraries are not loaded."""
    if room.config.web is None:
        return None
    from cardscanner.web.page import open_page

    return open_page(room, desk, camera, model, live, probe, heart.stuck)


def _capture(
    config: Config, slot: LatestSlot[Frame], stopping: threading.Event, camera: CameraHealth
) -> None:
    keep_capturing(
        lambda: open_source(config.camera),
        slot,
        stopping,
        camera,
        timeout_s=config.camera.timeout_s,
        retry_s=config.camera.retry_s,
        lossless=is_lossless(config.camera),
    )


def _publish(
    publisher: ReportingPublisher,
    vitals: Vitals,
    stopping: threading.Event,
    scan_over: threading.Event,
) -> None:
    """Deliver until the stop; then wait for the scan thread's last word and deliver that too."""
    try:
        while not stopping.is_set():
            publisher.step(_TICK_S)
            vitals.progress("publish")
        end = time.monotonic() + STOP_S - DRAIN_S - 0.5
        while not scan_over.is_set() and time.monotonic() < end:
            publisher.step(_TICK_S / 4)
    finally:
        publisher.close(DRAIN_S)


def _watch(
    threads: Supervisor,
    signals: Signals,
    path: Path,
    heart: Heart,
    slot: LatestSlot[Frame],
    chronicle: Chronicle,
) -> Ending:
    """Wait for a reason to end."""
    while not threads.stopping.wait(_TICK_S):
        if signals.stop:
            return Ending("stop")
        if signals.restart:
            return Ending("restart")
        if signals.reload:
            signals.reload = False
            fresh = read_again(path, heart.notifier)
            if fresh is not None:
                return Ending("reload", fresh)
        if heart.camera.report().state == "ended" and slot.wait_empty(0):
            return Ending("replay over")
        heart.tick()
        chronicle.look()
    return Ending("stop")


def _raise_early_end(threads: Supervisor) -> None:
    early = threads.early
    if early is None:
        return
    if isinstance(early.error, CardscannerError):
        raise early.error
    raise CardscannerError(f"the {early.thread} thread ended: {early.error!r}; see the log") from early.error
