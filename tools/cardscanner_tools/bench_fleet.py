"""``python -m cardscanner_tools.bench_fleet``: a thousand boxes on one Mosquitto, and the fleet view.

Everything runs on this machine, over the loopback: a real Mosquitto, simulated boxes that connect as the
product does and say what it says, a subscriber to all scans, and ``cardscanner fleet`` on a terminal. The
same is measured with few boxes first; the report has both, and what the many cost as a multiple of the few.
It ends by itself, and says how loaded the machine was before (``load``).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from cardscanner.errors import CardscannerError
from cardscanner_tools.crowd.ear import Ear, listening_ear
from cardscanner_tools.crowd.process import CrowdProcess, box_names, check_files, running_crowd
from cardscanner_tools.crowd.watched import Watched, watched_fleet
from cardscanner_tools.soak.parts import Broker

USUAL_PER_HOUR, BUSY_PER_HOUR = 60.0, 600.0
"""Scans of one box: a shop with customers, and a person who scans a collection without a pause."""
_GONE = 5
"""Boxes that go away at once."""
_ONLINE_WITHIN_S = 180.0
_GONE_WITHIN_S = 60.0
_SETTLE_S = 8.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used of the machine."""

    cpu_s: float
    rss_mb: float


@dataclass
class Findings:
    """What was measured with one number of boxes; times in seconds, CPU in cores."""

    boxes: int
    load: float
    figures: dict[str, float | None] = field(default_factory=dict)


def main() -> int:
    """Measure and print a table and one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--boxes", type=int, default=1000)
    parser.add_argument("--baseline", type=int, default=10, help="boxes to compare with")
    parser.add_argument("--minutes", type=float, default=5.0, help="of measuring, for both together")
    arguments = parser.parse_args()
    try:
        check_files(arguments.boxes)
        seconds = arguments.minutes * 60 / 4
        found = [measure(boxes, seconds) for boxes in (arguments.baseline, arguments.boxes)]
    except (CardscannerError, TimeoutError) as error:
        print(f"bench_fleet: {error}", file=sys.stderr)
        return 1
    print(json.dumps(report(*found), indent=1))
    return 0


def measure(boxes: int, seconds: float) -> Findings:
    """Measure one number of boxes: two rates for ``seconds`` each, then boxes that go, then the broker."""
    found = Findings(boxes, os.getloadavg()[0])
    with ExitStack() as stack:
        broker = Broker(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(broker.end)
        broker.start()
        empty = usage(broker.pid)
        began_s = time.monotonic()
        crowd = stack.enter_context(running_crowd(broker.port, boxes, USUAL_PER_HOUR))
        wait_until(lambda: crowd.ask("count").online == boxes, _ONLINE_WITHIN_S, "the boxes to connect")
        found.figures["all connected after"] = time.monotonic() - began_s
        fleet = stack.enter_context(watched_fleet(broker.port))
        ear = stack.enter_context(listening_ear(broker.port))
        found.figures["fleet shows all after"] = fleet.wait_for(shows_online(boxes), _ONLINE_WITHIN_S)
        found.figures["broker RSS MB empty"] = empty.rss_mb
        for name, rate in (("usual", USUAL_PER_HOUR), ("busy", BUSY_PER_HOUR)):
            crowd.ask("rate", rate)
            time.sleep(_SETTLE_S)
            _rate(found, name, broker, crowd, fleet, ear, seconds)
        crowd.ask("rate", USUAL_PER_HOUR)
        _going(found, crowd, fleet)
        _storm(found, broker, crowd, fleet)
    _show(found)
    return found


def _rate(
    found: Findings,
    name: str,
    broker: Broker,
    crowd: CrowdProcess,
    fleet: Watched,
    ear: Ear,
    seconds: float,
) -> None:
    ear.heard()
    watched = {"broker": broker.pid, "fleet": fleet.pid, "crowd": crowd.pid}
    before, sent = {key: usage(pid) for key, pid in watched.items()}, crowd.ask("count")
    began_s = time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - began_s
    after, now, heard = {key: usage(pid) for key, pid in watched.items()}, crowd.ask("count"), ear.heard()
    figures = found.figures
    figures[f"{name}: messages/s in"] = (now.sent - sent.sent) / took_s
    figures[f"{name}: scans/s"] = (now.scans - sent.scans) / took_s
    figures[f"{name}: scans heard/s"] = len(heard.latencies_ms) / took_s
    for key in watched:
        figures[f"{name}: {key} CPU"] = (after[key].cpu_s - before[key].cpu_s) / took_s
        figures[f"{name}: {key} RSS MB"] = after[key].rss_mb
    figures[f"{name}: scan to subscriber ms p50"] = heard.percentile(0.50)
    figures[f"{name}: scan to subscriber ms p99"] = heard.percentile(0.99)
    figures[f"{name}: lost connections"] = float(now.lost - sent.lost)
    figures[f"{name}: crowd late s"] = now.behind_s


def _going(found: Findings, crowd: CrowdProcess, fleet: Watched) -> None:
    """Time from boxes that go away to rows that say so."""
    gone = box_names(_GONE)
    for word, name in (("vanish", "killed"), ("freeze", "unplugged")):
        crowd.ask(word, _GONE)
        found.figures[f"{name} to row"] = fleet.wait_for(shows_offline(gone), _GONE_WITHIN_S)
        began_s = time.monotonic()
        crowd.ask("return")
        wait_until(lambda: crowd.ask("count").online == found.boxes, _ONLINE_WITHIN_S, "boxes to come back")
        fleet.wait_for(shows_online(found.boxes), _GONE_WITHIN_S)
        found.figures[f"{name}, back to row"] = time.monotonic() - began_s


def _storm(found: Findings, broker: Broker, crowd: CrowdProcess, fleet: Watched) -> None:
    """Kill the broker; everybody comes back at once."""
    broker.end(signal.SIGKILL)
    wait_until(lambda: crowd.ask("count").online == 0, 30, "the boxes to notice")
    time.sleep(5)
    broker.start()
    began_s, used = time.monotonic(), usage(broker.pid)
    wait_until(lambda: crowd.ask("count").online == found.boxes, _ONLINE_WITHIN_S, "the boxes to come back")
    took_s = time.monotonic() - began_s
    found.figures["storm: all back after"] = took_s
    found.figures["storm: broker CPU s"] = usage(broker.pid).cpu_s - used.cpu_s
    shown_s = fleet.wait_for(shows_online(found.boxes), _GONE_WITHIN_S)
    found.figures["storm: fleet shows all after"] = None if shown_s is None else took_s + shown_s


def shows_online(boxes: int) -> Callable[[str], bool]:
    """Return what tells whether a picture says that so many boxes are online."""
    return lambda picture: f" {boxes:,} online" in picture.split("\n", 1)[0]


def shows_offline(names: list[str]) -> Callable[[str], bool]:
    """Return what tells whether a picture has these boxes as offline."""

    def seen(picture: str) -> bool:
        states = dict(line.split()[:2] for line in picture.splitlines() if len(line.split()) > 1)
        return all(states.get(name) == "offline" for name in names)

    return seen


def usage(pid: int) -> Usage:
    """Return what the kernel's books say about a process."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return Usage((int(stat[11]) + int(stat[12])) * _TICK_S, pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def wait_until(done: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Wait.

    Raises
    ------
    TimeoutError
        It did not come.
    """
    end_s = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > end_s:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(0.1)


def report(few: Findings, many: Findings) -> dict[str, object]:
    """Return both, and the many as a multiple of the few."""
    ratios = {
        name: round(value / base, 2)
        for name, value in many.figures.items()
        if value is not None and (base := few.figures.get(name))
    }
    return {
        "boxes": [few.boxes, many.boxes],
        "load before": [few.load, many.load],
        "few": _rounded(few),
        "many": _rounded(many),
        "ratio": ratios,
    }


def _rounded(found: Findings) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in found.figures.items()}


def _show(found: Findings) -> None:
    print(f"{found.boxes} boxes (load before: {found.load:.2f})", file=sys.stderr)
    for name, value in found.figures.items():
        words = "did not come" if value is None else f"{value:.3f}"
        print(f"  {name:36} {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
