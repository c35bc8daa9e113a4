"""Device.control: identity, temperatures, health, clock and power."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from hailo_platform.pyhailort.enums import DeviceArchitectureTypes
from hailo_platform.pyhailort.exceptions import HailoRTInvalidOperationException
from hailo_platform.world import world


@dataclass
class Handle:
    architecture: str
    valid: bool = True


@dataclass(frozen=True)
class FirmwareVersion:
    major: int
    minor: int
    revision: int


@dataclass(frozen=True)
class BoardInformation:
    firmware_version: FirmwareVersion
    board_name: str
    device_architecture: DeviceArchitectureTypes
    serial_number: str
    part_number: str
    product_name: str


class Control:
    """Every call may be refused for itself: see ``world.readings``."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self.identify()

    def identify(self) -> BoardInformation:
        numbers = (world.firmware_version or world.version).split(".")
        return self._answer(
            "identify",
            BoardInformation(
                firmware_version=FirmwareVersion(*map(int, numbers)),
                board_name="Hailo-8",  # the real 8L says so too
                device_architecture=DeviceArchitectureTypes[self._handle.architecture],
                serial_number="<N/A>",
                part_number="<N/A>",
                product_name="<N/A>",
            ),
        )

    def get_chip_temperature(self) -> Any:
        return self._answer(
            "get_chip_temperature",
            SimpleNamespace(ts0_temperature=52.25, ts1_temperature=53.5, sample_count=17),
        )

    def get_throttling_state(self) -> bool:
        """Whether protection is switched on, not whether it acts now."""
        return self._answer("get_throttling_state", True)

    def _get_health_information(self) -> Any:
        return self._answer("_get_health_information", healthy())

    def get_extended_device_information(self) -> Any:
        return self._answer(
            "get_extended_device_information",
            SimpleNamespace(
                neural_network_core_clock_rate=400_000_000,
                supported_features=SimpleNamespace(current_monitoring=world.current_monitoring),
            ),
        )

    def power_measurement(self) -> float:
        world.events.append("power measured")
        return self._answer("power_measurement", 1.75)

    def _answer(self, name: str, usual: Any) -> Any:
        if not self._handle.valid:
            raise HailoRTInvalidOperationException("The device in use has been released.")
        world.look()
        if world.controls_hang:
            threading.Event().wait()
        answer = world.readings.get(name, usual)
        if isinstance(answer, Exception):
            raise answer
        return answer


def healthy(**changed: Any) -> SimpleNamespace:
    """Health of a cool chip: both protections on, level -1 because none acts."""
    values = {
        "overcurrent_protection_active": True,
        "current_overcurrent_zone": 0,
        "red_overcurrent_threshold": 10_000.0,
        "overcurrent_throttling_active": True,
        "temperature_throttling_active": True,
        "current_temperature_zone": 0,
        "current_temperature_throttling_level": -1,
        "temperature_throttling_levels": [],
        "orange_temperature_threshold": 104,
        "orange_hysteresis_temperature_threshold": 99,
        "red_temperature_threshold": 120,
        "red_hysteresis_temperature_threshold": 116,
        "requested_overcurrent_clock_freq": 400_000_000,
        "requested_temperature_clock_freq": 400_000_000,
    }
    return SimpleNamespace(**values | changed)
