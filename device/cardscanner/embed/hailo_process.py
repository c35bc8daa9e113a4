"""The Hailo chip in a process of its own, as the daemon sees it: vectors, or a clear fault; it can be killed.

A call into HailoRT can hang in the driver, and a chip that hung is often unusable until the process that had
it has ended. So a call that is not answered in time costs the process its life; a fresh one opens the chip
again while the daemon goes on. The same way a process that died is replaced, and a chip that is not there is
waited for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cardscanner.config import HailoConfig
from cardscanner.embed.arrays import check_crops, no_rows
from cardscanner.embed.crop_memory import CROPS_AT_ONCE
from cardscanner.embed.hailo_link import HailoLink
from cardscanner.embed.model import open_model
from cardscanner.errors import ArtifactError, EmbedderAway, EmbedderDead, EmbedderTimeout, NpuTrouble
from cardscanner.ports import EmbedderHealth, ModelInfo
from cardscanner.records import Batch, Vectors

SLACK_S = 0.3
"""Beside the configured time of an inference: for the way there and back, and for a batch."""
_FIRST_PAUSE = 2

_WAIT = "; it is tried again in the background, and scanning goes on by itself"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the daemon waits for what."""

    open_within_s: float = 20.0
    """Python, the vendor's library, reading the network, and one inference."""
    telemetry_within_s: float = 5.0
    pauses_s: Sequence[float] = (0.0, 1.0, 5.0, 10.0, 20.0, 40.0, 60.0)
    """Before the next attempts to open a chip that has worked; for one that never has, from the third on."""


def start_hailo(config: HailoConfig, patience: Patience | None = None) -> HailoProcess:
    """Begin to open the chip, and return at once; :meth:`HailoProcess.attend` tells how it goes.

    Raises
    ------
    ArtifactError
        Manifest or HEF is missing or damaged.
    """
    _, _, info = open_model(config.model, "model.hef")
    return HailoProcess(config, info, patience or Patience())


class HailoProcess:
    """A :class:`cardscanner.ports.LastingEmbedder`; its process dies with the thread that attends to it."""

    def __init__(self, config: HailoConfig, info: ModelInfo, patience: Patience) -> None:
        self.info = info
        self._config = config
        self._patience = patience
        self._answer_s = config.timeout_ms / 1000 + SLACK_S
        self._link: HailoLink | None = None
        self._condition: Literal["starting", "ok"] | NpuTrouble = "starting"
        self._words = "the accelerator is being opened"
        self._deadline_s = 0.0
        self._next_try_s = 0.0
        self._starts = 0
        self._failures = _FIRST_PAUSE
        self._has_worked = False
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Process id of the accelerator process, while there is one."""
        return None if self._link is None else self._link.pid

    def attend(self) -> EmbedderHealth:
        """Take one step in looking after the chip, without waiting for it.

        Raises
        ------
        ArtifactError
            The network is for another chip: no further attempt would help.
        """
        if not self._closed:
            try:
                self._take_a_step()
            except EmbedderDead as error:
                self._lose(error.trouble, error)
            except ArtifactError as error:
                self._lose("hung", error)
                # A network that ran on this chip is not to blame, whatever a sick chip says.
                if not self._has_worked:
                    raise
        return EmbedderHealth(self._condition, self._words, max(0, self._starts - 1))

    def embed(self, crops: Batch) -> Vectors:
        """Embed crops, see :class:`cardscanner.ports.Embedder`; EmbedderAway while the chip is away."""
        check_crops(crops, self.info)
        if self._closed:
            raise EmbedderDead("the embedder was closed: open another one with start_embedder()")
        if len(crops) == 0:
            return no_rows(self.info)
        health = self.attend()
        if health.condition != "ok" or self._link is None:
            raise EmbedderAway(health.words)
        vectors = self._embed_all(self._link, crops)
        self._failures = 0
        return vectors

    def telemetry(self) -> Mapping[str, float | str | bool]:
        """Return what the chip told last, and ask it again; never waits."""
        if self._condition != "ok" or self._link is None:
            return {}
        self._link.ask_telemetry()
        return dict(self._link.readings)

    def close(self) -> None:
        """Give the chip back; safe to call twice."""
        self._closed = True
        self._condition, self._words = "absent", "the embedder was closed"
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _take_a_step(self) -> None:
        if self._link is not None:
            if self._link.is_open():
                self._condition, self._words, self._has_worked = "ok", "", True
                self._failures = min(self._failures, _FIRST_PAUSE)
            self._check_patience(self._link)
        elif time.monotonic() >= self._next_try_s:
            self._link = HailoLink.start(self._config, self.info)
            self._starts += 1
            self._deadline_s = time.monotonic() + self._patience.open_within_s

    def _check_patience(self, link: HailoLink) -> None:
        now_s, limits = time.monotonic(), self._patience
        if self._condition != "ok" and now_s > self._deadline_s:
            raise EmbedderDead(f"the Hailo chip was not open within {limits.open_within_s:g} s", "hung")
        if link.asked_s is not None and now_s - link.asked_s > limits.telemetry_within_s:
            raise EmbedderDead(
                f"the Hailo chip did not say how it is within {limits.telemetry_within_s:g} s", "hung"
            )

    def _embed_all(self, link: HailoLink, crops: Batch) -> Vectors:
        starts = range(0, len(crops), CROPS_AT_ONCE)
        try:
            parts = [link.embed(crops[each : each + CROPS_AT_ONCE], self._answer_s) for each in starts]
        except EmbedderTimeout as error:
            self._lose("hung", error)
            raise
        except (EmbedderDead, ArtifactError) as error:
            self._lose(error.trouble if isinstance(error, EmbedderDead) else "hung", error)
            raise EmbedderTimeout(f"{error}; nothing is known about these crops") from error
        return np.concatenate(parts)

    def _lose(self, trouble: NpuTrouble, error: Exception) -> None:
        """End the process; the next attempts to open the chip come ever more rarely until a call succeeds."""
        link, self._link = self._link, None
        if link is not None:
            link.kill()
        self._condition, self._words = trouble, f"{error}{_WAIT}"
        pauses_s = self._patience.pauses_s
        self._next_try_s = time.monotonic() + pauses_s[min(self._failures, len(pauses_s) - 1)]
        self._failures += 1
