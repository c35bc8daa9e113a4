"""Accelerator: the daemon's embedder, with its troubles noted in vitals and log, each once."""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog

from cardscanner.errors import EmbedderAway, EmbedderFailed, EmbedderTimeout, NpuTrouble
from cardscanner.ports import LastingEmbedder
from cardscanner.records import Batch, Vectors
from cardscanner.vitals import Vitals

log = structlog.get_logger(__name__)

REASONS: Mapping[NpuTrouble, str] = {"hung": "npu", "absent": "npu_absent", "mismatch": "npu_mismatch"}
"""Names under which the troubles stand in the state."""

_TELEMETRY_EVERY_S = 30.0


class Accelerator:
    """An embedder for the scan thread, which owns it; ``chip``: whether there is one, or the CPU does it."""

    def __init__(self, embedder: LastingEmbedder, vitals: Vitals, *, chip: bool) -> None:
        self.info = embedder.info
        self._embedder = embedder
        self._vitals = vitals
        self._chip = chip
        self._condition = "starting"
        self._next_telemetry_s = 0.0

    def embed(self, crops: Batch) -> Vectors:
        """Embed crops, see :class:`cardscanner.ports.Embedder`."""
        with self._vitals.during("npu"):
            return self._embedder.embed(crops)

    def telemetry(self) -> Mapping[str, float | str | bool]:
        """Return what the backend tells."""
        return self._embedder.telemetry()

    def close(self) -> None:
        """Release the backend."""
        self._embedder.close()

    @property
    def opening(self) -> bool:
        """Whether the first attempt to open it is not over yet."""
        return self._condition == "starting"

    def attend(self) -> bool:
        """Look after it, and note how it is; return whether frames can be embedded."""
        with self._vitals.during("npu"):
            health = self._embedder.attend()
        self._vitals.npu_restarted(health.restarts)
        match health.condition:
            case "hung" | "absent" | "mismatch" as trouble:
                self._suffers(trouble, health.words)
            case "ok" if self._condition != "ok":
                self._recovered()
        self._condition = health.condition
        if health.condition == "ok" and time.monotonic() >= self._next_telemetry_s:
            self._next_telemetry_s = time.monotonic() + _TELEMETRY_EVERY_S
            self._vitals.chip_says(self.telemetry())
        return health.condition == "ok"

    def failed(self, error: EmbedderTimeout | EmbedderFailed | EmbedderAway) -> None:
        """Note that nothing is known about a frame."""
        self._vitals.skipped()
        if isinstance(error, EmbedderAway):
            return  # attend() says why
        if self._vitals.enter("npu", str(error)):
            log.error("embedder failed; frames are skipped until it answers", error=str(error))
        if isinstance(error, EmbedderTimeout):
            self._vitals.npu_is("hung")

    def answered(self) -> None:
        """Note that a frame was seen."""
        if self._vitals.leave("npu"):
            log.info("embedder answers again")
            self._vitals.npu_is("ok" if self._chip else "absent")

    def _suffers(self, trouble: NpuTrouble, words: str) -> None:
        for other in REASONS.keys() - {trouble}:
            self._vitals.leave(REASONS[other])
        if self._vitals.enter(REASONS[trouble], words):
            log.error(
                "the accelerator is away; frames are skipped until it is back", condition=trouble, error=words
            )
        self._vitals.npu_is(trouble)

    def _recovered(self) -> None:
        """It is open, and its self-test has passed."""
        self._vitals.npu_is("ok" if self._chip else "absent")
        if [reason for reason in REASONS.values() if self._vitals.leave(reason)]:
            log.info("the accelerator is back", restarts=self._vitals.npu_restarts)
