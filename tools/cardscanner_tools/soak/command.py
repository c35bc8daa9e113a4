"""Run the real scanner for a long time, trouble it now and then, and see whether it grows or loses anything.

    python -m cardscanner_tools.soak --minutes 20

The demo's film plays over and over as a live camera, with the shipped model and database, towards a real
Mosquitto with one subscriber. By chance (--seed) the camera's process is killed or stopped, the broker
restarted or killed, the configuration read again, commands sent, scanning paused, the page opened, its live
view watched. The first third is warm-up. Exit code 1: memory surely grows, files or threads are not flat, or
a message was lost or came as two. DIR has samples.csv, soak.png, report.txt and daemon.log.
"""

from __future__ import annotations

import argparse
import shutil
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from cardscanner.config import OutboxConfig
from cardscanner.errors import CardscannerError, InputError
from cardscanner.publish import Outbox
from cardscanner_tools.soak.gauges import Sample, sample
from cardscanner_tools.soak.parts import DEVICE, Broker, Daemon, free_port, write_config
from cardscanner_tools.soak.report import Counts, judge, plot, write_csv
from cardscanner_tools.soak.troubles import Troubles
from cardscanner_tools.soak.visitor import Visitor
from cardscanner_tools.soak.witness import Witness

_SAMPLE_EVERY_S = 1.0
_SHORTEST_MIN = 4.0
_START_S = 90.0
_SETTLE_S = 30.0


@dataclass(slots=True)
class Course:
    """How a soak went."""

    samples: list[Sample] = field(default_factory=list)
    troubles: list[tuple[float, str]] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1, help="of the troubles")
    parser.add_argument("--every-s", type=float, default=15.0, help="mean time from one trouble to the next")
    parser.add_argument("--out", type=Path, default=Path("out/soak"), metavar="DIR", help="where results go")


def run(arguments: argparse.Namespace) -> int:
    """Soak; return 1 when something is over its limit."""
    if arguments.minutes < _SHORTEST_MIN:
        raise InputError(f"--minutes: at least {_SHORTEST_MIN:g}, or nothing can be said of growth")
    out: Path = arguments.out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with ExitStack() as parts:
        broker = Broker(out)
        parts.callback(broker.end)
        broker.start()
        witness = Witness(broker.port, DEVICE)
        parts.callback(witness.close)
        page_port = free_port()
        config = write_config(out, broker.port, web={"host": "127.0.0.1", "port": page_port})
        daemon = Daemon(config, out / "daemon.log")
        parts.callback(daemon.end)
        visitor = Visitor(page_port, arguments.seed)
        _await_ready(daemon)
        visitor.log_in()
        troubles = Troubles(arguments.seed, broker, daemon, witness, visitor)
        course = _soak(arguments, daemon, troubles)
        counts = _conclude(out, daemon, witness)
    return _tell(out, course, counts, troubles)


def _soak(arguments: argparse.Namespace, daemon: Daemon, troubles: Troubles) -> Course:
    course, begun_s = Course(), time.monotonic()
    end_s = begun_s + arguments.minutes * 60
    next_trouble_s = begun_s + troubles.wait_s(arguments.every_s)
    while (now_s := time.monotonic()) < end_s:
        found = sample(daemon.process.pid, now_s - begun_s) if daemon.runs else None
        if found is None:
            raise CardscannerError(f"the daemon ended by itself; its log: {daemon.log}")
        course.samples.append(found)
        if now_s >= next_trouble_s:
            course.troubles.append((now_s - begun_s, troubles.make()))
            next_trouble_s = time.monotonic() + troubles.wait_s(arguments.every_s)
        time.sleep(_SAMPLE_EVERY_S)
    return course


def _await_ready(daemon: Daemon) -> None:
    end_s = time.monotonic() + _START_S
    while not daemon.said("ready"):
        if not daemon.runs or time.monotonic() > end_s:
            raise CardscannerError(f"the daemon does not get ready; its log: {daemon.log}")
        time.sleep(0.2)


def _conclude(out: Path, daemon: Daemon, witness: Witness) -> Counts:
    """Let what waits be delivered, stop, and compare what was stored with what arrived."""
    time.sleep(_SETTLE_S)
    status = daemon.stop()
    time.sleep(2.0)  # the last messages on their way to the witness
    with closing(Outbox.open(OutboxConfig(path=out / "outbox.db"))) as outbox:
        waiting = {row.seq for row in outbox.pending(0, 100_000)}
        lost = witness.lost(outbox.epoch, outbox.last_seq, waiting)
    return Counts(
        decided=daemon.said("card decided"),
        scans_heard=len(witness.scans),
        messages=len(witness.first),
        lost=len(lost),
        duplicates=witness.duplicates,
        repeats=witness.repeats,
        waiting=len(waiting),
        restarts=int(status != 0),
    )


def _tell(out: Path, course: Course, counts: Counts, troubles: Troubles) -> int:
    write_csv(out / "samples.csv", course.samples)
    plot(out / "soak.png", course.samples, course.troubles)
    lines, wrong = judge(course.samples, counts)
    lines += troubles.told()
    lines += [f"OVER THE LIMIT: {each}" for each in wrong] or ["everything is within its limits"]
    report = "\n".join(lines)
    (out / "report.txt").write_text(report + "\n", encoding="utf-8")
    print(report)
    return int(bool(wrong))
