"""Claiming the chip: only one process can, and only with the right chip, driver and permissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from cardscanner.embed.hailo_binding import Binding, release_of
from cardscanner.embed.hailo_chip import NO_CHIP, architecture_of, firmware_of
from cardscanner.embed.hailo_faults import OUT_OF_PHYSICAL_DEVICES, opening, status_of
from cardscanner.embed.hailo_network import Network
from cardscanner.errors import ArtifactError, EmbedderDead

log = structlog.get_logger(__name__)

_GROUP = "SHARED"
"""VDevices of one process with this name share the chip; picamera2 and the vendor's own code use it too."""


def claim_chip(binding: Binding) -> Any:
    """Return a VDevice with the round-robin scheduler; release it when done.

    Raises
    ------
    EmbedderDead
        No chip, no permission, another process has it, or driver and library differ.
    """
    platform = binding.platform
    with opening(binding, "opening the Hailo chip"):
        params = platform.VDevice.create_params()
        # Without a scheduler (the default) nothing runs before activate() was called.
        params.scheduling_algorithm = platform.HailoSchedulingAlgorithm.ROUND_ROBIN
        params.group_id = _GROUP
        try:
            return platform.VDevice(params)
        except binding.errors as error:
            if status_of(error) != OUT_OF_PHYSICAL_DEVICES:
                raise
            raise EmbedderDead(_why_no_free_chip(platform.Device.scan())) from error


def check_board(binding: Binding, network: Network, board: Any) -> None:
    """Compare the chip with the one that the network was compiled for.

    Raises
    ------
    ArtifactError
        The network cannot run here.
    """
    chip = architecture_of(board)
    if chip != network.architecture and (chip, network.architecture) != ("hailo8", "hailo8l"):
        raise ArtifactError(
            f"{network.path} was compiled for {network.architecture}, but the chip here is a {chip}: "
            f"install the model that was compiled with hw_arch={chip}"
        )
    if chip != network.architecture:
        log.warning("the network was compiled for a smaller chip and runs slower", chip=chip)
    if release_of(firmware_of(board))[:2] != release_of(binding.version)[:2]:
        log.warning("firmware and HailoRT differ", firmware=firmware_of(board), hailort=binding.version)


def give_back(binding: Binding, what: str, release: Callable[[], object]) -> None:
    """Release something; a refusal is only worth a line, because nobody could do anything about it."""
    try:
        release()
    except binding.errors as error:
        log.warning("HailoRT would not release", what=what, error=str(error))


def _why_no_free_chip(found: list[str]) -> str:
    if not found:
        return NO_CHIP
    return (
        f"another process holds the Hailo chip {found[0]}, and only one can: `sudo fuser -v /dev/hailo0` "
        "names it; stop it (`systemctl status cardscanner`, if it is the service) and start again"
    )
