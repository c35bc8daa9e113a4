"""The payload of ``state``: how the device is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cardscanner.publish.payload import Payload, Timestamp


class CameraState(Payload):
    """The camera."""

    state: Literal["ok", "lost", "frozen", "black"]
    fps: float = Field(ge=0)


class NpuState(Payload):
    """The accelerator; ``absent`` where the CPU does the work."""

    state: Literal["ok", "hung", "absent", "mismatch"]
    temp_c: float | None = None


class OutboxState(Payload):
    """What waits to be sent."""

    depth: int = Field(ge=0)
    oldest_age_s: float | None = None
    undeliverable: int = Field(default=0, ge=0, description="rows that the broker refuses")
    unacknowledged: int = Field(default=0, ge=0, description="rows that wait for a consumer's ack")
    payload_bytes: int = Field(default=0, ge=0, description="what waits, in bytes")
    max_bytes: int | None = Field(default=None, description="at so many bytes scans are refused: outbox_full")


class DiskState(Payload):
    """The disk that holds the outbox."""

    free_bytes: int = Field(ge=0)


class HistoryState(Payload):
    """What is kept of the scans."""

    scans: int = Field(ge=0)
    bytes: int = Field(ge=0, description="on the disk")


class ClockState(Payload):
    """The wall clock."""

    synced: bool


class PowerState(Payload):
    """The Pi's throttling bits; 0 is good."""

    throttled: int = Field(default=0, ge=0)


class ScanCounts(Payload):
    """Decisions since the start."""

    match: int = Field(default=0, ge=0)
    ambiguous: int = Field(default=0, ge=0)
    no_match: int = Field(default=0, ge=0)
    last_hour: int | None = Field(
        default=None, ge=0, description="all of them, in the last sixty minutes or since the start"
    )


class BrokerState(Payload):
    """What the broker said to our messages since the start."""

    connected: bool
    answers: dict[str, int] = Field(
        default={},
        description="how often by MQTT reason code: 0 taken, 16 nobody listens, 135 denied, 151 quota",
    )
    commands: dict[str, int] = Field(
        default={},
        description="commands that came, by what became of them: answered, retained, repeated, ...",
    )
    unheard: int = Field(
        default=0, ge=0, description="how many of the newest scans, in a row, nobody subscribed to"
    )


class StatePayload(Payload):
    """Topic ``state``: how the device is."""

    v: Literal[1] = 1
    ts: Timestamp
    lifecycle: Literal["starting", "ready", "degraded", "updating", "stopping"]
    reasons: tuple[str, ...] = ()
    scanning: bool
    camera: CameraState
    npu: NpuState
    outbox: OutboxState
    disk: DiskState
    history: HistoryState | None = Field(default=None, description="none where nothing is kept")
    clock: ClockState
    power: PowerState = PowerState()
    scans: ScanCounts = ScanCounts()
    uptime_s: float = Field(ge=0)
    every_s: float | None = Field(
        default=None, description="the next one comes after so long at most, while the device is online"
    )
    broker: BrokerState | None = Field(default=None, description="none where the way out is no broker")

    def gist(self) -> tuple[object, ...]:
        """Return what is worth a message when it changes; figures that always move are left out."""
        return (
            self.lifecycle,
            self.reasons,
            self.scanning,
            self.camera.state,
            self.npu.state,
            self.clock.synced,
            self.power.throttled,
        )

    def completed(
        self, reasons: tuple[str, ...], undeliverable: int, unacknowledged: int, broker: BrokerState
    ) -> StatePayload:
        """Return the state with what the way out knows; a ready device with reasons is degraded."""
        every = tuple(sorted({*self.reasons, *reasons}))
        lifecycle = "degraded" if self.lifecycle == "ready" and every else self.lifecycle
        outbox = self.outbox.model_copy(
            update={"undeliverable": undeliverable, "unacknowledged": unacknowledged}
        )
        return self.model_copy(
            update={"reasons": every, "lifecycle": lifecycle, "outbox": outbox, "broker": broker}
        )
