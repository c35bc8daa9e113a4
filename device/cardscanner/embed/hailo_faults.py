"""What HailoRT's errors mean for us, and what the reader of the message can do.

HailoRT answers with a status number, but hands it over in several ways: as the text of a raw
``HailoRTStatusException``, as the ``__cause__`` of a ``HailoRTException``, in the text of one, or only
through the class. :func:`status_of` finds it in all of them. ``tests/device/embed/test_hailo_faults.py``
fails when the vendor's module has an exception class that is not listed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from cardscanner.embed.hailo_binding import SAME_VERSIONS, Binding
from cardscanner.errors import (
    ArtifactError,
    EmbedderDead,
    EmbedderFailed,
    EmbedderTimeout,
    NpuTrouble,
)

TIMEOUT = 4
OUT_OF_PHYSICAL_DEVICES = 74
_MISMATCHES = (15, 16, 76, 85, 86)
"""Driver, library and firmware do not belong together."""

STATUS_OF_CLASS: dict[str, int | None] = {
    "HailoRTStatusException": None,  # its text is the number
    "HailoRTException": None,  # the number is in its text or its cause; there are two classes of this name
    "HailoRTCustomException": None,  # text only
    "HailoStatusInvalidValueException": None,  # a number that this version of HailoRT has no name for
    "HailoRTInvalidArgumentException": 2,
    "HailoRTTimeout": TIMEOUT,
    "HailoRTInvalidOperationException": 6,
    "InvalidProtocolVersionException": 15,
    "HailoRTFirmwareControlFailedException": 18,
    "HailoRTEthException": 19,
    "UdpRecvError": 21,
    "HailoRTInvalidFrameException": 25,
    "HailoRTInvalidHEFException": 26,
    "HailoRTDriverOperationFailedException": 36,
    "HailoRTUnsupportedOpcodeException": 48,
    "HailoRTNotFoundException": 61,
    "HailoCommunicationClosedException": 62,
    "HailoRTStreamAborted": 63,
    "HailoRTStreamAbortedByUser": 63,
    "HailoRTNetworkGroupNotActivatedException": 69,
    "HailoRTHEFNotCompatibleWithDevice": 93,
}

_HEF = "the file is not the HEF that was compiled: copy it again or compile it again"
_OTHER_CHIP = (
    "the HEF was compiled for another chip: compile it with hw_arch=hailo8l (AI Kit, AI HAT+ with 13 TOPS) "
    "or hw_arch=hailo8 (26 TOPS); `hailortcli parse-hef FILE` names its chip, "
    "`hailortcli fw-control identify` this one"
)
_DRIVER = f"the kernel driver does not work together with the library: {SAME_VERSIONS}"
_LOST = "the chip is lost on the bus: check its cable and power, look at `dmesg | grep hailo`, reboot"

_COMPILER = (
    "compile it with the Dataflow Compiler that belongs to this HailoRT "
    "(4.20: 3.30, 4.21: 3.31, 4.22: 3.32, 4.23: 3.33)"
)

# HailoRT 4.20 knows one status, 26, for all that later versions tell apart as 91, 92 and 93.
PARSE_FAULTS: dict[int, str] = {
    13: "the file cannot be opened: check that it exists and that this user may read it",
    14: f"the file is empty or a folder: {_HEF}",
    26: f"the file is damaged, no HEF, or from a newer compiler than this HailoRT reads: {_HEF}; {_COMPILER}",
    91: f"the file is truncated or damaged: {_HEF}",
    92: f"this is no HEF, or one from a newer compiler than this HailoRT reads: {_COMPILER}",
}
CONFIGURE_FAULTS: dict[int, str] = PARSE_FAULTS | {26: _OTHER_CHIP, 75: _OTHER_CHIP, 93: _OTHER_CHIP}
"""Faults of the HEF that show when it is put on a chip."""

ADVICE: dict[int, str] = {
    2: "HailoRT refused an argument; a chip that was just there may be gone: look at `hailortcli scan`",
    3: "no host memory is left: see `free -m`",
    TIMEOUT: "the chip did not answer in time: it is overloaded, throttled by heat, or hangs",
    16: f"the firmware is of another version: {SAME_VERSIONS}",
    18: f"the firmware refused a command, often because its version is another: {SAME_VERSIONS}",
    36: (
        "the driver refused: either this user may not use /dev/hailo0 (`ls -l /dev/hailo0`; add the user "
        "to its group, or see the service's DeviceAllow=), or it failed: look at `dmesg | grep hailo`"
    ),
    62: _LOST,
    63: "the transfer was aborted: another fault before it shut the network down",
    64: "the kernel driver is not loaded: run `sudo modprobe hailo_pci`; if that fails, "
    "`sudo apt install --reinstall hailo-dkms` and reboot",
    73: "another process uses the chip: `sudo fuser -v /dev/hailo0` names it; stop it",
    OUT_OF_PHYSICAL_DEVICES: (
        "no free chip: either none is found (`hailortcli scan`), or another process holds it "
        "(`sudo fuser -v /dev/hailo0`)"
    ),
    76: f"driver and library have different versions (`cat /sys/module/hailo_pci/version`): {SAME_VERSIONS}",
    81: "no contiguous memory is left for transfers: reboot; if it comes back, raise `cma=` in cmdline.txt",
    82: "more was asked of the chip at once than its queue holds",
    85: _DRIVER,
    86: _DRIVER,
    87: _LOST,
}


class Fault(NamedTuple):
    """One error of HailoRT, understood."""

    status: int | None
    text: str


def status_of(error: BaseException) -> int | None:
    """Return the number behind an error of HailoRT, ``None`` when it carries none."""
    if type(error).__name__ == "HailoRTStatusException":
        return int(str(error)) if str(error).isdecimal() else None
    if isinstance(error.__cause__, Exception) and (status := status_of(error.__cause__)) is not None:
        return status
    if number := re.search(r"error: (\d+) \(", str(error)):
        return int(number[1])
    return STATUS_OF_CLASS.get(type(error).__name__)


def understand(error: BaseException, doing: str, also: Mapping[int, str] = MappingProxyType({})) -> Fault:
    """Put an error of HailoRT into words: what we did, what is wrong, what to do, what HailoRT said.

    ``also`` holds the meanings that a status has only here.
    """
    status = status_of(error)
    known = ADVICE | {6: _refused_operation()} | dict(also)
    advice = known.get(-1 if status is None else status, "look at `dmesg | grep hailo` and hailort.log")
    return Fault(status, f"{doing}: {advice} [HailoRT status {status}: {error}]")


def trouble_of(status: int | None) -> NpuTrouble:
    """Say what kind of trouble a status means when chip and network cannot be opened."""
    if status in _MISMATCHES:
        return "mismatch"
    return "hung" if status == TIMEOUT else "absent"


@contextmanager
def parsing(binding: Binding, doing: str) -> Iterator[None]:
    """Translate what fails while a HEF is read: no chip takes part, so the file is to blame.

    Raises
    ------
    ArtifactError
        It is damaged, no HEF, or not for this HailoRT.
    """
    try:
        yield
    except binding.errors as error:
        raise ArtifactError(understand(error, doing, PARSE_FAULTS).text) from error


@contextmanager
def opening(
    binding: Binding, doing: str, hef_faults: Mapping[int, str] = MappingProxyType({})
) -> Iterator[None]:
    """Translate what fails while chip and network are opened.

    Raises
    ------
    ArtifactError
        The status is one of ``hef_faults``: the file is to blame.
    EmbedderDead
        Chip, driver or software is to blame.
    """
    try:
        yield
    except binding.errors as error:
        fault = understand(error, doing, hef_faults)
        if fault.status in hef_faults:
            raise ArtifactError(fault.text) from error
        raise EmbedderDead(fault.text, trouble_of(fault.status)) from error


@contextmanager
def running(binding: Binding, doing: str) -> Iterator[None]:
    """Translate what fails while the network runs.

    Raises
    ------
    EmbedderTimeout
        The chip did not answer in time.
    EmbedderFailed
        Anything else.
    """
    try:
        yield
    except binding.errors as error:
        fault = understand(error, doing)
        kind = EmbedderTimeout if fault.status == TIMEOUT else EmbedderFailed
        raise kind(f"{fault.text}; nothing is known about these crops") from error


def _refused_operation() -> str:
    if int(np.__version__.split(".")[0]) < 2:
        return "HailoRT refused the call: hailort.log says why"
    return (
        "HailoRT refused the call: hailort.log says why. If it complains about `buffer size 0`, "
        f"python3-hailort was built for NumPy 1 and cannot see the buffers of NumPy {np.__version__}: "
        "install `numpy<2`, or a python3-hailort that was built for NumPy 2"
    )
