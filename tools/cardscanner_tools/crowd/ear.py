"""Ear: how long a scan takes from a box to a subscriber."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe

from cardscanner.config import MqttConfig
from cardscanner.listen.connection import Connection
from cardscanner.publish.link import Link
from cardscanner.publish.payload import ScanPayload
from cardscanner.publish.status import Troubles
from cardscanner.publish.topics import ROOT
from cardscanner_tools.crowd.messages import SENT_MS

_TOPIC = f"{ROOT}/+/scan"


@dataclass(frozen=True, slots=True)
class Heard:
    """Latencies of the scans since the last question, in milliseconds, sorted."""

    latencies_ms: tuple[float, ...]

    def percentile(self, share: float) -> float:
        """Return the latency that this share of the scans did not exceed."""
        if not self.latencies_ms:
            return float("nan")
        return self.latencies_ms[min(len(self.latencies_ms) - 1, int(share * len(self.latencies_ms)))]


class Ear:
    """A subscriber to all scans, QoS 1, in a process of its own."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def heard(self) -> Heard:
        """Return what came since the last call."""
        self._pipe.send("heard")
        answer = self._pipe.recv()
        if not isinstance(answer, Heard):
            raise TypeError(f"the ear answered {answer!r}")
        return answer


@contextmanager
def listening_ear(port: int) -> Iterator[Ear]:
    """Listen while the block runs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_listen, args=(theirs, port), daemon=True)
    child.start()
    theirs.close()
    try:
        ours.recv()  # it is subscribed
        yield Ear(ours)
    finally:
        ours.close()
        child.join(10)
        if child.is_alive():
            child.kill()
            child.join(5)


def _subscribe(link: Link) -> list[str]:
    link.subscribe([_TOPIC])
    return [_TOPIC]


def _listen(pipe: Pipe, port: int) -> None:
    config = MqttConfig.model_validate({"backend": "mqtt", "host": "127.0.0.1", "port": port})
    latencies: list[float] = []
    ready = False
    with closing(Connection(config, "ear", _subscribe, Troubles(log=False))) as connection:
        while True:
            for message in connection.step(0.1):
                now_ms = time.monotonic() * 1000
                scan = ScanPayload.model_validate_json(message.payload)
                latencies.append(now_ms - scan.latency_ms[SENT_MS])
            if not ready and connection.been_connected:
                ready = True
                pipe.send("ready")
            try:
                while pipe.poll():
                    pipe.recv()
                    pipe.send(Heard(tuple(sorted(latencies))))
                    latencies = []
            except (EOFError, OSError):  # whoever measures has ended
                return
