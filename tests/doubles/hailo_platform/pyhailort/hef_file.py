"""The double's own HEF: a float ONNX network, and how a compiler would have quantised its output.

Layout: magic, SHA-256 of all that follows, length of the header, header (JSON), ONNX file. Damage therefore
shows as with a real HEF: another magic is "not supported", anything else "corrupted".
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass

from hailo_platform.pyhailort._pyhailort import check
from hailo_platform.world import world

MAGIC = b"\x01HEF"
_LENGTH = struct.Struct("<I")
_SUM = 32

OPEN_FILE_FAILURE, FILE_OPERATION_FAILURE, CORRUPTED, NOT_SUPPORTED = 13, 14, 91, 92


@dataclass(frozen=True)
class Header:
    """What a compiler writes beside the network."""

    name: str
    architecture: str
    """``HAILO8L`` or ``HAILO8``."""
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    scale: float
    zero_point: float
    limits: tuple[float, float]
    input_type: str = "UINT8"
    output_type: str = "UINT8"
    output_order: str = "NC"
    multi_context: bool = False
    needs: str = "4.20.0"
    """Oldest HailoRT that can read it."""


@dataclass(frozen=True)
class Content:
    """A parsed file."""

    header: Header
    network: bytes


def pack(header: Header, network: bytes) -> bytes:
    """Return the bytes of a HEF."""
    text = json.dumps(asdict(header)).encode()
    body = _LENGTH.pack(len(text)) + text + network
    return MAGIC + hashlib.sha256(body).digest() + body


def parse(data: bytes) -> Content:
    """Read the bytes of a HEF; a raw status exception says what is wrong with them."""
    if len(data) < len(MAGIC) + _SUM + _LENGTH.size:
        check(CORRUPTED)
    if not data.startswith(MAGIC):
        check(NOT_SUPPORTED)
    digest, body = data[len(MAGIC) : len(MAGIC) + _SUM], data[len(MAGIC) + _SUM :]
    if hashlib.sha256(body).digest() != digest:
        check(CORRUPTED)
    (length,) = _LENGTH.unpack_from(body)
    fields = json.loads(body[_LENGTH.size : _LENGTH.size + length])
    for key in ("input_shape", "output_shape", "limits"):
        fields[key] = tuple(fields[key])
    header = Header(**fields)
    if _numbers(header.needs) > _numbers(world.version):
        check(NOT_SUPPORTED)
    return Content(header, body[_LENGTH.size + length :])


def read(path: str) -> Content:
    """Read a HEF from disk, with the statuses that the real library answers for what is no file."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a str is what the real API takes
            data = file.read()
    except IsADirectoryError:
        data = b""
    except OSError:
        check(OPEN_FILE_FAILURE)
    if not data:
        check(FILE_OPERATION_FAILURE)
    return parse(data)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
