"""An open chip with our network on it: opening, running crops through it, putting it back.

Everything in here belongs to one thread. HailoRT calls back on a thread of its own; that callback only
stores an outcome.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.embed.hailo_binding import Binding
from cardscanner.embed.hailo_chip import Readings, architecture_of, firmware_of, read_health
from cardscanner.embed.hailo_claim import check_board, claim_chip, give_back
from cardscanner.embed.hailo_faults import CONFIGURE_FAULTS, opening, running
from cardscanner.embed.hailo_network import Network
from cardscanner.errors import EmbedderFailed
from cardscanner.records import Batch


@dataclass(slots=True, eq=False)
class _Flight:
    """One crop on its way: HailoRT writes into ``output`` until it has called back."""

    crop: NDArray[np.uint8]
    output: NDArray[Any]
    outcome: list[Exception | None] = field(default_factory=list)
    job: Any = None

    def landed(self, completion_info: Any) -> None:
        """Take the outcome; the parameter's name is the vendor's, and raising here would end the process."""
        self.outcome.append(completion_info.exception)


def open_session(binding: Binding, network: Network, timeout_ms: int) -> Session:
    """Claim the chip and put the network on it.

    Raises
    ------
    ArtifactError
        The HEF is for another chip, or damaged.
    EmbedderDead
        No chip, no permission, another process has it, or versions differ.
    """
    with ExitStack() as releases:
        vdevice = claim_chip(binding)
        releases.callback(give_back, binding, "the chip", vdevice.release)
        with opening(binding, "asking the Hailo chip what it is"):
            device = vdevice.get_physical_devices()[0]
            releases.callback(give_back, binding, "the control channel", device.release)
            board = device.control.identify()
        check_board(binding, network, board)
        with opening(binding, f"putting {network.path} on the Hailo chip", CONFIGURE_FAULTS):
            infer_model = vdevice.create_infer_model(str(network.path))
            infer_model.set_batch_size(1)
        session = Session(binding, network, device, board, infer_model, timeout_ms)
        del infer_model  # the session alone decides how long it lives
        releases.callback(session.unload)
        session.load()
        session.releases = releases.pop_all()
        return session


class Session:
    """A claimed chip. Closes in the order that HailoRT needs: configured model, model, chip."""

    def __init__(
        self, binding: Binding, network: Network, device: Any, board: Any, infer_model: Any, timeout_ms: int
    ) -> None:
        self.releases = ExitStack()
        self._binding = binding
        self._network = network
        self._device = device
        self._board = board
        self._infer_model = infer_model
        self._configured: Any = None
        self._timeout_ms = timeout_ms

    def load(self) -> None:
        """Configure the network; what was configured before is dropped, with everything in flight.

        HailoRT waits up to 10 seconds for a job that hangs.
        """
        self._drop_configured()
        with opening(self._binding, f"putting {self._network.path} on the Hailo chip", CONFIGURE_FAULTS):
            self._configured = self._infer_model.configure()

    def run(self, crops: Batch) -> NDArray[np.float32]:
        """Run (B, H, W, 3) uint8 crops, pipelined as deep as HailoRT's queue; return (B, D) real numbers.

        After an error the network is no longer usable: :meth:`load` it again.

        Raises
        ------
        EmbedderTimeout, EmbedderFailed
            Nothing is known about any of these crops.
        """
        with running(self._binding, "running the network on the Hailo chip"):
            flights = [self._launch(crop) for crop in crops]
            codes = [self._land(flight) for flight in flights]
        return self._network.dequantise(np.stack(codes))

    def identity(self) -> Readings:
        """Return what chip and software this is."""
        return {
            "hailort": self._binding.version,
            "firmware": firmware_of(self._board),
            "architecture": architecture_of(self._board),
            "device_id": self._device.device_id,
        }

    def health(self) -> Readings:
        """Return temperatures, throttling, clock and power, as far as the chip tells."""
        return read_health(self._binding, self._device)

    def unload(self) -> None:
        """Drop configured model and model; the session cannot be used after it."""
        self._drop_configured()
        self._infer_model = None

    def close(self) -> None:
        """Give the chip back; safe to call twice."""
        self.releases.close()

    def _drop_configured(self) -> None:
        configured, self._configured = self._configured, None
        if configured is not None:
            give_back(self._binding, "the network", lambda: configured.__exit__(None, None, None))

    def _launch(self, crop: NDArray[np.uint8]) -> _Flight:
        # HailoRT wants contiguous, writable memory even for what it only reads, and counts bytes, not pixels;
        # a wrong count would end the configured network.
        crop = np.require(crop, np.uint8, ["C", "W"])
        if crop.nbytes != self._network.input_bytes:
            raise ValueError(f"a crop has {crop.nbytes} bytes, the network takes {self._network.input_bytes}")
        flight = _Flight(crop, np.empty(self._network.output_shape, self._network.output_dtype))
        bindings = self._configured.create_bindings()
        bindings.input().set_buffer(flight.crop)
        bindings.output().set_buffer(flight.output)
        # Waits for room in the queue; a launch without room would end the configured network, too.
        self._configured.wait_for_async_ready(timeout_ms=self._timeout_ms)
        # Without a callback nobody would ever hear that a job failed: job.wait() only knows "done".
        flight.job = self._configured.run_async([bindings], flight.landed)
        return flight

    def _land(self, flight: _Flight) -> NDArray[Any]:
        flight.job.wait(self._timeout_ms)
        if not flight.outcome:
            raise EmbedderFailed("HailoRT ended a job without calling back; nothing is known about the crops")
        if flight.outcome[0] is not None:
            raise flight.outcome[0]
        return flight.output.reshape(-1)
