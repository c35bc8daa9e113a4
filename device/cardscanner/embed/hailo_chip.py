"""What a Hailo chip tells about itself: identity for ``cardscanner check``, health for the status page.

A ``Device`` does not claim the chip, so both work beside a running scanner.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cardscanner.embed.hailo_binding import SAME_VERSIONS, Binding, load_binding, release_of
from cardscanner.embed.hailo_faults import opening
from cardscanner.errors import EmbedderDead

DRIVER_VERSION = Path("/sys/module/hailo_pci/version")

NO_CHIP = (
    "no Hailo chip is found: check the ribbon cable and that `lspci -d 1e60:` lists it; on an AI Kit "
    "`dtparam=pciex1` belongs into /boot/firmware/config.txt; the driver must be loaded "
    "(`sudo modprobe hailo_pci`)"
)

Readings = dict[str, float | str | bool]

_ZONES = {0: "green", 1: "orange", 2: "red"}


@dataclass(frozen=True, slots=True)
class HailoProbe:
    """Chip and software of this machine."""

    binding_version: str
    driver_version: str
    firmware_version: str
    device_id: str
    """Address on the PCIe bus, e.g. ``0001:01:00.0``."""
    architecture: str
    """``hailo8l``, ``hailo8``, ..."""

    @property
    def firmware_agrees(self) -> bool:
        """Whether firmware and library have the same major and minor version.

        If not, HailoRT only logs a warning, and single commands may fail later.
        """
        return release_of(self.firmware_version)[:2] == release_of(self.binding_version)[:2]


def probe_hailo(driver_file: Path = DRIVER_VERSION) -> HailoProbe:
    """Look at software, driver and chip without claiming the chip.

    Raises
    ------
    EmbedderDead
        Something is missing, or versions differ; the message says what to do.
    """
    binding = load_binding()
    driver = _driver_version(driver_file)
    if driver != binding.version:
        raise EmbedderDead(
            f"the Hailo driver is {driver}, HailoRT is {binding.version} (status 76): {SAME_VERSIONS}",
            "mismatch",
        )
    with opening(binding, "looking for a Hailo chip"):
        ids = binding.platform.Device.scan()
    if not ids:
        raise EmbedderDead(NO_CHIP)
    with opening(binding, f"talking to the Hailo chip {ids[0]}"), binding.platform.Device(ids[0]) as device:
        board = device.control.identify()
    return HailoProbe(binding.version, driver, firmware_of(board), ids[0], architecture_of(board))


def architecture_of(board: Any) -> str:
    """Return the chip's name as manifests and compiler write it, e.g. ``hailo8l``."""
    return str(board.device_architecture).lower()


def firmware_of(board: Any) -> str:
    """Return the firmware's version, e.g. ``4.23.0``."""
    version = board.firmware_version
    return f"{version.major}.{version.minor}.{version.revision}"


def read_health(binding: Binding, device: Any) -> Readings:
    """Return temperatures, throttling, clock and power, as far as the chip tells.

    Each reading may be refused for itself (a soldered chip has no power sensor, old firmware lacks a
    command); what is refused is left out. A power reading on a module with a sensor suspends its overcurrent
    protection for some milliseconds, and HailoRT logs a warning about it: ask a few times a minute at most.
    """
    readings: Readings = {}
    for read in (_temperatures, _protection, _clock, _power):
        try:
            readings |= read(device.control)
        except binding.errors:
            continue
    return readings


def _temperatures(control: Any) -> Readings:
    """Two sensors on the die, and the hotter one."""
    chip = control.get_chip_temperature()
    both = float(chip.ts0_temperature), float(chip.ts1_temperature)
    return {"temp_c": max(both), "ts0_c": both[0], "ts1_c": both[1]}


def _protection(control: Any) -> Readings:
    """Whether the chip slows itself down now.

    The call is private in HailoRT, but the public one only says that protection is switched on; so do the
    fields named ``*_throttling_active``. Slowed down means a throttling level other than -1, or a
    current zone other than green (0).
    """
    health = control._get_health_information()  # noqa: SLF001
    zone = int(health.current_temperature_zone)
    return {
        "throttled_by_heat": int(health.current_temperature_throttling_level) >= 0,
        "throttled_by_current": int(health.current_overcurrent_zone) != 0,
        "temperature_zone": _ZONES.get(zone, str(zone)),
    }


def _clock(control: Any) -> Readings:
    return {"clock_mhz": control.get_extended_device_information().neural_network_core_clock_rate / 1e6}


def _power(control: Any) -> Readings:
    """Only where there is a sensor: a refused reading fills the log with errors."""
    if not control.get_extended_device_information().supported_features.current_monitoring:
        return {}
    return {"power_w": float(control.power_measurement())}


def _driver_version(driver_file: Path) -> str:
    try:
        return driver_file.read_text(encoding="ascii").strip()
    except OSError as error:
        raise EmbedderDead(
            f"the Hailo driver is not loaded ({driver_file} cannot be read: {error.strerror}): run "
            "`sudo modprobe hailo_pci`; if that fails, `sudo apt install --reinstall hailo-dkms` and reboot"
        ) from error
