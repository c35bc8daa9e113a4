"""The exceptions of the Python layer, and the wrapper that makes them out of raw ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hailo_platform.pyhailort import _pyhailort


class HailoRTException(Exception):
    pass


class UdpRecvError(HailoRTException):
    pass


class InvalidProtocolVersionException(HailoRTException):
    pass


class HailoRTFirmwareControlFailedException(HailoRTException):
    pass


class HailoRTInvalidFrameException(HailoRTException):
    pass


class HailoRTUnsupportedOpcodeException(HailoRTException):
    pass


class HailoRTTimeout(HailoRTException):
    pass


class HailoRTStreamAborted(HailoRTException):
    pass


class HailoRTStreamAbortedByUser(HailoRTException):
    pass


class HailoRTInvalidOperationException(HailoRTException):
    pass


class HailoRTInvalidArgumentException(HailoRTException):
    pass


class HailoRTNotFoundException(HailoRTException):
    pass


class HailoRTInvalidHEFException(HailoRTException):
    pass


class HailoRTHEFNotCompatibleWithDevice(HailoRTException):
    pass


class HailoRTEthException(HailoRTException):
    pass


class HailoRTDriverOperationFailedException(HailoRTException):
    pass


class HailoRTNetworkGroupNotActivatedException(HailoRTException):
    pass


class HailoCommunicationClosedException(HailoRTException):
    pass


class HailoStatusInvalidValueException(Exception):
    pass


_INDICATIVE: dict[int, tuple[type[HailoRTException], str]] = {
    2: (HailoRTInvalidArgumentException, "Invalid argument. See hailort.log for more information"),
    4: (HailoRTTimeout, "Received a timeout - hailort has failed because a timeout had occurred"),
    6: (HailoRTInvalidOperationException, "Invalid operation. See hailort.log for more information"),
    15: (InvalidProtocolVersionException, "HailoRT has failed because of an invalid protocol version"),
    18: (HailoRTFirmwareControlFailedException, "libhailort control operation failed"),
    19: (HailoRTEthException, "Ethernet failure. See hailort.log for more information"),
    21: (UdpRecvError, "Failed to receive data"),
    25: (HailoRTInvalidFrameException, "An invalid frame was received"),
    26: (HailoRTInvalidHEFException, "Invalid HEF. See hailort.log for more information"),
    36: (
        HailoRTDriverOperationFailedException,
        "Failure in hailort driver ioctl. run 'dmesg | grep hailo' for more information",
    ),
    48: (HailoRTUnsupportedOpcodeException, "HailoRT has failed because of an unsupported opcode"),
    61: (HailoRTNotFoundException, "Item not found. See hailort.log for more information"),
    62: (HailoCommunicationClosedException, "Communication closed failure"),
    63: (HailoRTStreamAborted, "Stream was aborted"),
    69: (HailoRTNetworkGroupNotActivatedException, "Network group is not activated"),
    93: (
        HailoRTHEFNotCompatibleWithDevice,
        "HEF file is not compatible with device. See hailort.log for more information",
    ),
}


def exception_of(status: int) -> Exception:
    """Return the exception of the Python layer for a status; only some classes tell the number."""
    name = _pyhailort.get_status_message(status)
    if not name:
        return HailoStatusInvalidValueException(f"Value {status} is not a valid status")
    if status in _INDICATIVE:
        kind, text = _INDICATIVE[status]
        return kind(text)
    return HailoRTException(f"libhailort failed with error: {status} ({name})")


@contextmanager
def wrapped() -> Iterator[None]:
    """Turn raw status exceptions into those of the Python layer."""
    try:
        yield
    except _pyhailort.HailoRTStatusException as error:
        raise exception_of(int(str(error))) from error
