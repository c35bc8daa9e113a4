"""The status numbers of libhailort that the double can answer with."""

from hailo_platform.world import world

_NAMES = {
    2: "HAILO_INVALID_ARGUMENT",
    3: "HAILO_OUT_OF_HOST_MEMORY",
    4: "HAILO_TIMEOUT",
    6: "HAILO_INVALID_OPERATION",
    8: "HAILO_INTERNAL_FAILURE",
    13: "HAILO_OPEN_FILE_FAILURE",
    14: "HAILO_FILE_OPERATION_FAILURE",
    15: "HAILO_UNSUPPORTED_CONTROL_PROTOCOL_VERSION",
    16: "HAILO_UNSUPPORTED_FW_VERSION",
    18: "HAILO_FW_CONTROL_FAILURE",
    19: "HAILO_ETH_FAILURE",
    21: "HAILO_ETH_RECV_FAILURE",
    25: "HAILO_INVALID_FRAME",
    26: "HAILO_INVALID_HEF",
    36: "HAILO_DRIVER_OPERATION_FAILED",
    48: "HAILO_UNSUPPORTED_OPCODE",
    61: "HAILO_NOT_FOUND",
    62: "HAILO_COMMUNICATION_CLOSED",
    63: "HAILO_STREAM_ABORT",
    64: "HAILO_DRIVER_NOT_INSTALLED",
    69: "HAILO_NETWORK_GROUP_NOT_ACTIVATED",
    72: "HAILO_STREAM_NOT_ACTIVATED",
    73: "HAILO_DEVICE_IN_USE",
    74: "HAILO_OUT_OF_PHYSICAL_DEVICES",
    75: "HAILO_INVALID_DEVICE_ARCHITECTURE",
    76: "HAILO_INVALID_DRIVER_VERSION",
    79: "HAILO_NOT_SUPPORTED",
    81: "HAILO_OUT_OF_HOST_CMA_MEMORY",
    82: "HAILO_QUEUE_IS_FULL",
    85: "HAILO_DRIVER_INVALID_RESPONSE",
    86: "HAILO_DRIVER_INVALID_IOCTL",
    87: "HAILO_DRIVER_TIMEOUT",
    91: "HAILO_HEF_FILE_CORRUPTED",
    92: "HAILO_HEF_NOT_SUPPORTED",
    93: "HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE",
}

_SINCE_4_21 = frozenset({91, 92, 93})


def is_4_20() -> bool:
    """Whether the version that is played is 4.20."""
    return world.version.startswith("4.20.")


def spoken(status: int) -> int:
    """Return the number that the played version uses: 4.20 calls every fault of a HEF 26."""
    return 26 if is_4_20() and status in _SINCE_4_21 else status


def name_of(status: int) -> str:
    """Return a status's name, empty when the played version has none for it."""
    return "" if is_4_20() and status in _SINCE_4_21 else _NAMES.get(status, "")
