"""The embedder on a Hailo-8L or Hailo-8, through HailoRT's InferModel API (4.20 to 4.23).

Everything of one :class:`HailoEmbedder` belongs to the thread that opened it: HailoRT's Python layer is not
made for several, and neither is it for ``fork()`` (open the embedder in the process that uses it).
One process owns the chip; a second one is refused until the first has ended.

A call that fails is never answered with a made-up vector. The chip is brought back (configure the network
again, then open the chip again), and the call still raises, because nothing is known about its crops. If
neither helps, or calls go on failing although both seem to help, the embedder is dead and says so for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

import numpy as np
import structlog

from cardscanner.config import HailoConfig
from cardscanner.embed.arrays import check_crops, no_rows, unit_rows
from cardscanner.embed.hailo_binding import load_binding
from cardscanner.embed.hailo_network import read_network
from cardscanner.embed.hailo_session import Session, open_session
from cardscanner.embed.model import open_model
from cardscanner.errors import ArtifactError, EmbedderDead, EmbedderError, EmbedderFailed, EmbedderTimeout
from cardscanner.ports import ModelInfo
from cardscanner.records import Batch, Vectors

log = structlog.get_logger(__name__)

_GIVE_UP_AFTER = 5
"""So many failed calls in a row, each followed by a recovery that seemed to help."""


def open_hailo(config: HailoConfig) -> HailoEmbedder:
    """Claim the chip, put ``model.hef`` on it and run one picture of noise through it.

    Raises
    ------
    ArtifactError
        Manifest or HEF is missing, damaged, or not for this chip.
    EmbedderDead
        Chip, driver or HailoRT cannot be used; the message says what to do.
    """
    path, manifest, info = open_model(config.model, "model.hef")
    binding = load_binding()
    network = read_network(binding, path, manifest)
    if network.multi_context:
        log.warning(
            "the network does not fit on the chip: weights cross the bus for each crop", hef=str(path)
        )

    def open_tested() -> Session:
        return _tested(open_session(binding, network, config.timeout_ms), info)

    try:
        session = open_tested()
    except (EmbedderTimeout, EmbedderFailed) as error:
        raise EmbedderDead(
            f"the Hailo chip was opened, but its first inference failed: {error}", "hung"
        ) from error
    return HailoEmbedder(info, session, open_tested, health=config.telemetry)


class HailoEmbedder:
    """Runs the network on the chip and brings the chip back after a fault."""

    def __init__(
        self, info: ModelInfo, session: Session, reopen: Callable[[], Session], *, health: bool
    ) -> None:
        self.info = info
        self._session: Session | None = session
        self._reopen = reopen
        self._health = health
        self._failed_calls = 0
        self._dead = "the embedder was closed: open another one with load_embedder()"

    def embed(self, crops: Batch) -> Vectors:
        """Embed crops, see :class:`cardscanner.ports.Embedder`."""
        check_crops(crops, self.info)
        if self._session is None:
            raise EmbedderDead(self._dead)
        if len(crops) == 0:
            return no_rows(self.info)
        try:
            values = self._session.run(crops)
        except (EmbedderTimeout, EmbedderFailed) as fault:
            self._recover(fault)
            raise
        self._note_success()
        return unit_rows(values)

    def telemetry(self) -> Mapping[str, float | str | bool]:
        """Return versions and, if configured, temperatures, throttling, clock, power; empty once closed."""
        if self._session is None:
            return {}
        health = self._session.health() if self._health else {}
        return {"backend": "hailo"} | self._session.identity() | health

    def close(self) -> None:
        """Give the chip back."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _recover(self, fault: EmbedderError) -> None:
        """Bring the chip back after a fault; :class:`EmbedderDead` when that does not work."""
        self._failed_calls += 1
        if self._failed_calls == 1:
            log.error("the Hailo chip failed", error=str(fault))
        if self._failed_calls > _GIVE_UP_AFTER:
            self._die(
                f"{self._failed_calls} calls in a row failed although the chip came back each time", fault
            )
        # A second failure right after the first shows that configuring again did not help.
        rungs = (self._load_again, self._open_again)[1 if self._failed_calls > 1 else 0 :]
        error: EmbedderError | ArtifactError = fault
        for rung in rungs:
            try:
                rung()
            except (EmbedderError, ArtifactError) as refusal:
                error = refusal
            else:
                return
        self._die("configuring the network and opening the chip again did not help", error)

    def _load_again(self) -> None:
        if self._session is not None:
            self._session.load()
            _tested(self._session, self.info)

    def _open_again(self) -> None:
        self.close()
        self._session = self._reopen()

    def _die(self, what: str, error: Exception) -> NoReturn:
        self.close()
        self._dead = f"the Hailo chip is lost: {what}: {error}"
        raise EmbedderDead(
            self._dead, error.trouble if isinstance(error, EmbedderDead) else "hung"
        ) from error

    def _note_success(self) -> None:
        if self._failed_calls:
            log.info("the Hailo chip works again", failed_calls=self._failed_calls)
        self._failed_calls = 0


def _tested(session: Session, info: ModelInfo) -> Session:
    """Run noise through the network: a chip that can be opened may still not answer, or answer nothing."""
    noise = np.random.default_rng(0).integers(0, 256, (1, info.height, info.width, 3), dtype=np.uint8)
    try:
        unit_rows(session.run(noise))
    except EmbedderError:
        session.close()
        raise
    return session
