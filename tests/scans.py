"""Synthetic scan events and daemon facts for tests of the way out."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from cardscanner.config import OutboxConfig
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.payload import ArtifactRef, DatabaseRef
from cardscanner.publish.payload_info import DatabaseInfoPayload, InfoPayload, ModelInfoPayload
from cardscanner.publish.payload_state import (
    CameraState,
    ClockState,
    DiskState,
    NpuState,
    OutboxState,
    StatePayload,
)
from cardscanner.publish.rows import Stamp
from cardscanner.publish.scan import ScanFacts, store_scan
from cardscanner.publish.topics import Topics
from cardscanner.records import Candidate, Card, Decision, ScanEvent, Verdict

DEVICE = "box-1"
TOPICS = Topics(DEVICE)
FACTS = ScanFacts(
    DEVICE, "pokemon", ArtifactRef(name="first", sha256="a" * 64), DatabaseRef(version="1", sha256="b" * 64)
)


def scan_event(number: int, decision: Decision = "match") -> ScanEvent:
    """Return the event of one card; its name carries the number."""
    cards = [
        Card(
            f"base1-{number + step}",
            f"Card {number + step}",
            step,
            {"set": "base1", "number": f"{number}", "lang": "en", "rarity": "Rare Holo"},
        )
        for step in range(5)
    ]
    candidates = tuple(Candidate(card, 0.942 - 0.03 * step) for step, card in enumerate(cards))
    now_ns = time.monotonic_ns()
    return ScanEvent(
        verdict=Verdict(decision, 0.942, 0.081, candidates),
        camera="top",
        first_ns=now_ns - 300_000_000,
        decided_ns=now_ns,
        frames=4,
        corners=np.zeros((4, 2), np.float32),
        upside_down=False,
        latency_ms={"capture": 12.0, "find": 5.5, "embed": 20.25, "search": 1.125, "total": 38.875},
    )


def store(outbox: Outbox, count: int, decision: Decision = "match") -> list[Stamp]:
    """Commit ``count`` scans."""
    return [store_scan(outbox, scan_event(number, decision), FACTS) for number in range(1, count + 1)]


def open_outbox(folder: Path, **limits: int) -> Outbox:
    """Open the outbox in a folder."""
    return Outbox.open(OutboxConfig(path=folder / "outbox.db", **limits))


class DaemonFacts:
    """What a healthy daemon says; tests change its fields."""

    def __init__(self, outbox: Outbox) -> None:
        self.scanning = True
        self.camera: Literal["ok", "lost", "frozen"] = "ok"
        self.reasons: tuple[str, ...] = ()
        self._outbox = outbox
        self._started_s = time.monotonic()

    def info(self) -> InfoPayload:
        """Say what the device is."""
        return InfoPayload(
            device=DEVICE,
            game="pokemon",
            serial=None,
            hw="test bench",
            os="Debian 12",
            python="3.11",
            daemon="0.1.0",
            model=ModelInfoPayload(name="first", version="1", sha256="a" * 64),
            db=DatabaseInfoPayload(name="demo", version="1", sha256="b" * 64, cards=40),
            cameras=("top",),
            topics=TOPICS.named(),
        )

    def state(self) -> StatePayload:
        """Say how the device is."""
        backlog = self._outbox.backlog()
        return StatePayload(
            ts=datetime.now(UTC),
            lifecycle="ready",
            reasons=self.reasons,
            scanning=self.scanning,
            camera=CameraState(state=self.camera, fps=15.0),
            npu=NpuState(state="absent"),
            outbox=OutboxState(depth=backlog.depth, oldest_age_s=backlog.oldest_age_s),
            disk=DiskState(free_bytes=10**9),
            clock=ClockState(synced=True),
            uptime_s=time.monotonic() - self._started_s,
        )
