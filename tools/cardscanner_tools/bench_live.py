"""``python -m cardscanner_tools.bench_live``: what those who watch the live view cost scanning.

The real scan loop looks at the demo's film, as fast as it can and over and over, in this process beside the
page's real server, as in the daemon. Slow browsers (another process, real sockets, 1 KB/s each) come and go
in turns of some seconds; the frames that were scanned with them are compared with those without.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

import yaml

from cardscanner.capture import open_source
from cardscanner.capture.health import CameraHealth
from cardscanner.capture.keeper import keep_capturing
from cardscanner.configfile import load_config
from cardscanner.control import ControlRoom, open_desk
from cardscanner.facts import DeviceFacts
from cardscanner.history.keeping import keep_history, open_history
from cardscanner.live import LiveView
from cardscanner.logs import configure_logs
from cardscanner.mailbox import LatestSlot
from cardscanner.manifest import load_database_manifest, load_model_manifest
from cardscanner.probe import Probe
from cardscanner.publish import Outbox
from cardscanner.publish.replays import Replays
from cardscanner.records import Frame
from cardscanner.scan_loop import ScanLoop
from cardscanner.shipped import shipped_database, shipped_folder, shipped_model
from cardscanner.vitals import Vitals
from cardscanner.web.accounts import Accounts
from cardscanner.web.logins import Logins
from cardscanner.web.room import WebRoom, web_folder
from cardscanner.web.server import serve_page

_READ_BYTES = 1024
_SETTLE_S = 1.0
_SCANNING = ("MainThread", "capture", "scan")


@dataclass
class _Wishes:
    reload: bool = False
    restart: bool = False
    restarted_by: str | None = None


@dataclass(frozen=True)
class Turn:
    """One stretch of time."""

    viewers: int
    fps: float
    cpu: float
    """Processor seconds of this process for each second."""
    page_cpu: float
    """Of these, what did not go into capturing and scanning."""


class Counted(LatestSlot[Frame]):
    """Counts what the scan thread takes."""

    taken = 0

    def take(self, timeout_s: float) -> Frame | None:
        """Take a frame and count it."""
        frame = super().take(timeout_s)
        self.taken += frame is not None
        return frame


@dataclass
class Scanner:
    """A scanner with a page, without its main thread."""

    port: int
    token: str
    slot: Counted


def main() -> None:
    """Measure and print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=6, help="turns with and as many without")
    parser.add_argument("--seconds", type=float, default=10.0, help="of one turn")
    parser.add_argument("--bytes-per-s", type=int, default=_READ_BYTES, help="that one viewer reads")
    arguments = parser.parse_args()
    configure_logs("error", "human")
    with tempfile.TemporaryDirectory() as folder, scanner(Path(folder)) as running:
        turns = measure(
            running, arguments.viewers, arguments.rounds, arguments.seconds, arguments.bytes_per_s
        )
    print(json.dumps(report(turns)))


def measure(
    running: Scanner, viewers: int, rounds: int, seconds: float, bytes_per_s: int = _READ_BYTES
) -> list[Turn]:
    """Take turns without and with viewers; which comes first changes, so that a trend cancels out."""
    turns = []
    for number in range(rounds):
        pair = (0, viewers) if number % 2 == 0 else (viewers, 0)
        for count in pair:
            with watching(running, count, bytes_per_s):
                time.sleep(_SETTLE_S)
                turns.append(_turn(running, count, seconds))
            print(
                f"{count:3} viewers: {turns[-1].fps:6.1f} frames/s, {turns[-1].cpu:.2f} cores, "
                f"page {turns[-1].page_cpu:.3f}",
                flush=True,
            )
    return turns


def report(turns: list[Turn]) -> dict[str, float]:
    """Return the medians, and what scanning keeps with viewers: 1 is everything."""
    alone = [each for each in turns if not each.viewers]
    watched = [each for each in turns if each.viewers]
    ratios = [b.fps / a.fps for a, b in zip(alone, watched, strict=True)]
    return {
        "viewers": watched[0].viewers,
        "fps_alone": round(statistics.median(each.fps for each in alone), 1),
        "fps_watched": round(statistics.median(each.fps for each in watched), 1),
        "kept": round(statistics.median(ratios), 3),
        "cores_alone": round(statistics.median(each.cpu for each in alone), 2),
        "cores_watched": round(statistics.median(each.cpu for each in watched), 2),
        "page_cores_alone": round(statistics.median(each.page_cpu for each in alone), 4),
        "page_cores_watched": round(statistics.median(each.page_cpu for each in watched), 4),
    }


def _turn(running: Scanner, viewers: int, seconds: float) -> Turn:
    frames, cpu_s, page_s, began_s = running.slot.taken, _cpu_s(), _page_cpu_s(), time.monotonic()
    time.sleep(seconds)
    took_s = time.monotonic() - began_s
    fps = (running.slot.taken - frames) / took_s
    return Turn(viewers, fps, (_cpu_s() - cpu_s) / took_s, (_page_cpu_s() - page_s) / took_s)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _page_cpu_s() -> float:
    """Return the processor seconds of the threads that serve the page, from the kernel's books."""
    total = 0
    for thread in threading.enumerate():
        if thread.name in _SCANNING or thread.native_id is None:
            continue
        try:
            stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text(encoding="ascii")
        except OSError:  # it has just ended
            continue
        total += sum(int(ticks) for ticks in stat.rpartition(")")[2].split()[11:13])
    return total / os.sysconf("SC_CLK_TCK")


@contextmanager
def watching(running: Scanner, count: int, bytes_per_s: int) -> Iterator[None]:
    """Have so many browsers watch while the block runs, from another process."""
    if not count:
        yield
        return
    context = multiprocessing.get_context("spawn")
    ready, over = context.Event(), context.Event()
    browsers = context.Process(
        target=_watch, args=(running.port, running.token, count, bytes_per_s, ready, over), daemon=True
    )
    browsers.start()
    try:
        if not ready.wait(60):
            raise TimeoutError("the viewers got no picture within 60 s")
        yield
    finally:
        over.set()
        browsers.join(10)


def _watch(port: int, token: str, count: int, bytes_per_s: int, ready: Event, over: Event) -> None:
    ask = f"GET /live.mjpeg HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: cardscanner_session={token}\r\n\r\n"
    with ExitStack() as open_ones:
        viewers = []
        for _ in range(count):
            viewer = open_ones.enter_context(socket.socket())
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            viewer.connect(("127.0.0.1", port))
            viewer.sendall(ask.encode())
            viewers.append(viewer)
        for viewer in viewers:
            viewer.settimeout(30)
            if b" 200 " not in viewer.recv(bytes_per_s):
                return  # whoever waits for us says so
        ready.set()
        while not over.wait(1.0):
            for viewer in viewers:
                viewer.setblocking(False)
                try:
                    viewer.recv(bytes_per_s)
                except BlockingIOError:
                    continue


@contextmanager
def scanner(root: Path) -> Iterator[Scanner]:
    """Run a scanner with a page while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    path = root / "cardscanner.yaml"
    film = {
        "backend": "replay",
        "path": str(shipped_folder("demo") / "film.mp4"),
        "paced": False,
        "loop": True,
    }
    path.write_text(
        yaml.safe_dump(
            {
                "device_id": "bench",
                "camera": film,
                "embedder": {"backend": "onnx", "model": str(shipped_model()), "threads": 1},
                "index": {"database": str(shipped_database())},
                "outbox": {"path": "outbox.db"},
                "publish": {"backend": "stdout"},
                "web": {"host": "127.0.0.1", "port": port},
            }
        ),
        encoding="utf-8",
    )
    config = load_config(path)
    model = load_model_manifest(config.embedder.model)
    database = load_database_manifest(config.index.database)
    slot, camera, vitals, stopping = Counted(), CameraHealth(), Vitals(), threading.Event()
    live, probe_box = LiveView(), Probe()
    with (
        closing(Outbox.open(config.outbox)) as outbox,
        closing(open_history(config, outbox)) as history,
    ):
        facts = DeviceFacts(config, model, database, camera, outbox, vitals)
        control = ControlRoom(
            config, path, outbox, history, Replays(outbox), vitals, slot, facts, _Wishes(), stopping
        )
        accounts = Accounts.open(web_folder(config))
        accounts.add("bench", "correct horse battery", "viewer")
        logins = Logins(web_folder(config), accounts)
        assert config.web is not None  # noqa: S101 - it was written above
        room = WebRoom(
            config.web, control, open_desk(control), camera, model, live, probe_box, list, accounts, logins
        )

        def capture(over: threading.Event) -> None:
            while not vitals.ready.wait(0.1) and not over.is_set():
                pass
            keep_capturing(
                lambda: open_source(config.camera), slot, over, camera, timeout_s=10, retry_s=1, lossless=True
            )

        bodies: tuple[Callable[[threading.Event], None], ...] = (
            capture,
            ScanLoop(config, slot, outbox, vitals, history, live, probe_box),
            keep_history(config, history, outbox, vitals),
            serve_page(room),
        )
        names = ("capture", "scan", "history", "web")
        threads = [
            threading.Thread(target=body, name=name, args=(stopping,), daemon=True)
            for name, body in zip(names, bodies, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            while slot.taken < 30:
                time.sleep(0.1)
            yield Scanner(port, logins.begin("bench")[0], slot)
        finally:
            stopping.set()
            for thread in threads:
                thread.join(10)


if __name__ == "__main__":
    main()
