"""What a simulated box says: the product's own payloads, so that each message has its real size."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

from ulid import ULID

from cardscanner.publish.home_assistant import HomeAssistant
from cardscanner.publish.link import Will
from cardscanner.publish.messages import TEXT, Letter
from cardscanner.publish.payload import ArtifactRef, CandidatePayload, CardPayload, DatabaseRef, ScanPayload
from cardscanner.publish.payload_info import DatabaseInfoPayload, InfoPayload, ModelInfoPayload
from cardscanner.publish.payload_state import (
    BrokerState,
    CameraState,
    ClockState,
    DiskState,
    NpuState,
    OutboxState,
    ScanCounts,
    StatePayload,
)
from cardscanner.publish.payload_update import UpdatePayload
from cardscanner.publish.topics import Topics

SENT_MS = "sent"
"""Key of ``latency_ms`` with the monotonic clock, in milliseconds, when a scan was sent."""
STATE_EVERY_S = 30.0
_SHA = "5f" * 32
_CANDIDATES = 5
_HOME = HomeAssistant("homeassistant", image=False)


class Voice:
    """What one box says; it counts its scans as a box does."""

    def __init__(self, device: str) -> None:
        self.topics = Topics(device)
        self.device = device
        self._seq = 0
        self._began_s = time.monotonic()

    @property
    def will(self) -> Will:
        """Return what the broker says when the box is gone."""
        return Will(self.topics.status, b"offline")

    def greeting(self) -> list[Letter]:
        """Return what a box says on each new connection."""
        info = self._info()
        return [
            Letter(self.topics.status, b"online", retain=True, content_type=TEXT),
            Letter(self.topics.info, info.to_bytes(), retain=True),
            Letter(_HOME.discovery_topic(self.device), _HOME.discovery(info), retain=True),
            Letter(self.topics.update, _update(), retain=True),
            self.state(),
        ]

    def state(self) -> Letter:
        """Return how the box is."""
        now_s = time.monotonic()
        state = StatePayload(
            ts=datetime.now(UTC),
            lifecycle="ready",
            scanning=True,
            camera=CameraState(state="ok", fps=29.9),
            npu=NpuState(state="ok", temp_c=round(random.uniform(45, 60), 1)),
            outbox=OutboxState(depth=0, max_bytes=512 * 2**20),
            disk=DiskState(free_bytes=random.randrange(20 * 10**9, 25 * 10**9)),
            clock=ClockState(synced=True),
            scans=ScanCounts(match=self._seq, last_hour=self._seq),
            uptime_s=round(now_s - self._began_s, 1),
            every_s=STATE_EVERY_S,
            broker=BrokerState(connected=True, answers={"0": self._seq}),
        )
        return Letter(self.topics.state, state.to_bytes(), retain=True)

    def scan(self) -> list[Letter]:
        """Return a decided card: the scan, and the same as the newest match."""
        self._seq += 1
        number = random.randrange(1, 20_000)
        scan = ScanPayload(
            event_type="match",
            match="exact",
            id=str(ULID()),
            epoch="b3f0",
            seq=self._seq,
            device=self.device,
            ts=datetime.now(UTC),
            ts_source="ntp",
            boot_id="5d1c4f70",
            mono_ms=time.monotonic_ns() // 1_000_000,
            camera="top",
            card=CardPayload(
                game="mtg",
                card_id=f"neo-{number}",
                name=f"Card {number}",
                set="neo",
                number=f"{number}",
                lang="en",
            ),
            score=0.942,
            margin=0.481,
            candidates=tuple(
                CandidatePayload(card_id=f"neo-{number + each}", name=f"Card {number + each}", score=0.9)
                for each in range(_CANDIDATES)
            ),
            repeat_of=None,
            frames=4,
            latency_ms={
                "find": 6.1, "rectify": 0.9, "embed": 6.4, "search": 1.2, SENT_MS: time.monotonic() * 1000,
            },
            model=ArtifactRef(name="cardnet", sha256=_SHA),
            db=DatabaseRef(version="2026.11.1", sha256=_SHA),
        ).to_bytes()  # fmt: skip
        return [Letter(self.topics.scan, scan), Letter(self.topics.last, scan, retain=True)]

    def _info(self) -> InfoPayload:
        return InfoPayload(
            device=self.device,
            game="mtg",
            serial=f"10000000{self.device[-8:]:0>8}",
            hw="Raspberry Pi 5 Model B Rev 1.0",
            os="Debian GNU/Linux 12 (bookworm)",
            python="3.11.2",
            daemon="1.2.0",
            model=ModelInfoPayload(name="cardnet", version="0.2.0", sha256=_SHA),
            db=DatabaseInfoPayload(name="mtg", version="2026.11.1", sha256=_SHA, cards=98_112),
            cameras=("top",),
            topics=self.topics.named(),
        )


def _update() -> bytes:
    return UpdatePayload(installed_version="2026.11.1", title="Card database mtg").to_bytes()
