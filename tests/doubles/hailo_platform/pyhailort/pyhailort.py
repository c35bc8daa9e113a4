"""The Python layer, gathered as in the real package; what a version lacks is not there."""

from typing import Any

from hailo_platform.pyhailort import exceptions
from hailo_platform.pyhailort._pyhailort import NotificationId
from hailo_platform.pyhailort.bindings import Bindings
from hailo_platform.pyhailort.configured import AsyncInferCompletionInfo, AsyncInferJob, ConfiguredInferModel
from hailo_platform.pyhailort.control import BoardInformation, Control
from hailo_platform.pyhailort.device import Device
from hailo_platform.pyhailort.enums import (
    DeviceArchitectureTypes,
    FormatOrder,
    FormatType,
)
from hailo_platform.pyhailort.enums import PowerMode as HailoPowerMode
from hailo_platform.pyhailort.enums import SchedulingAlgorithm as HailoSchedulingAlgorithm
from hailo_platform.pyhailort.exceptions import (
    HailoCommunicationClosedException,
    HailoRTDriverOperationFailedException,
    HailoRTEthException,
    HailoRTException,
    HailoRTFirmwareControlFailedException,
    HailoRTInvalidArgumentException,
    HailoRTInvalidFrameException,
    HailoRTInvalidHEFException,
    HailoRTInvalidOperationException,
    HailoRTNetworkGroupNotActivatedException,
    HailoRTNotFoundException,
    HailoRTStreamAborted,
    HailoRTStreamAbortedByUser,
    HailoRTTimeout,
    HailoRTUnsupportedOpcodeException,
    HailoStatusInvalidValueException,
    InvalidProtocolVersionException,
    UdpRecvError,
)
from hailo_platform.pyhailort.hef import HEF
from hailo_platform.pyhailort.infer_model import InferModel
from hailo_platform.pyhailort.statuses import is_4_20
from hailo_platform.pyhailort.vdevice import VDevice

HailoRTPCIeDriverException = HailoRTDriverOperationFailedException

__all__ = [
    "HEF",
    "AsyncInferCompletionInfo",
    "AsyncInferJob",
    "Bindings",
    "BoardInformation",
    "ConfiguredInferModel",
    "Control",
    "Device",
    "DeviceArchitectureTypes",
    "FormatOrder",
    "FormatType",
    "HailoCommunicationClosedException",
    "HailoPowerMode",
    "HailoRTDriverOperationFailedException",
    "HailoRTEthException",
    "HailoRTException",
    "HailoRTFirmwareControlFailedException",
    "HailoRTInvalidArgumentException",
    "HailoRTInvalidFrameException",
    "HailoRTInvalidHEFException",
    "HailoRTInvalidOperationException",
    "HailoRTNetworkGroupNotActivatedException",
    "HailoRTNotFoundException",
    "HailoRTPCIeDriverException",
    "HailoRTStreamAborted",
    "HailoRTStreamAbortedByUser",
    "HailoRTTimeout",
    "HailoRTUnsupportedOpcodeException",
    "HailoSchedulingAlgorithm",
    "HailoStatusInvalidValueException",
    "InferModel",
    "InvalidProtocolVersionException",
    "NotificationId",
    "UdpRecvError",
    "VDevice",
]


def __getattr__(name: str) -> Any:
    """Version 4.20 has no class of its own for a HEF of another chip."""
    if name == "HailoRTHEFNotCompatibleWithDevice" and not is_4_20():
        return exceptions.HailoRTHEFNotCompatibleWithDevice
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
