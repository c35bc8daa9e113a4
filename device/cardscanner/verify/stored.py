"""``pictures.bin``: one small grey picture of every reference, found by its index row.

Layout, little endian: eight bytes of magic, the number of pictures, their width and height; a table with a
line for each; then the pictures as JPEG. Grey, because what is compared is structure: the colours of a card
under a lamp are the lamp's as much as the card's. A line of the table has offset, length and CRC-32 of the
JPEG, and two maps over the blocks of the card, 0 to 255: how far it differs there from the cards that look
most like it, and from the other prints of its artwork; see :mod:`maps`.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import ArtifactError
from cardscanner.records import Picture
from cardscanner.rectify import rectify, whole_picture_corners

PICTURES_FILE = "pictures.bin"
WIDTH_PX, HEIGHT_PX = 240, 336
"""3.8 pixels for a millimetre of the card: a set symbol has about fifteen of them, a digit five."""
MOST_BYTES = 7_720
"""Of one picture. With its line in the table it stays below 8 KB."""

Grey = NDArray[np.uint8]
"""(H, W) uint8."""

Values = NDArray[np.float64]

_MAGIC = b"CSPIX\x00\x01\n"
_HEAD = struct.Struct("<8sIHH")
_LINE = np.dtype([
    ("offset", "<u8"), ("length", "<u4"), ("crc", "<u4"), ("own", "u1", 88), ("print", "u1", 352),
])  # fmt: skip
_QUALITIES = (85, 75, 65, 58, 52, 46, 40, 35, 30, 25, 20, 15, 10, 5, 1)
"""The last always fits: 3 KB of the worst noise."""


class Pictures(Protocol):
    """Small pictures of references by their index row. Owned by one thread."""

    def __len__(self) -> int:
        """Return how many pictures there are."""

    def half(self, row: int) -> Grey:
        """Return the picture of an index row at half its size, (168, 120).

        Raises
        ------
        ArtifactError
            Its bytes are not those that were written.
        """

    def full(self, row: int) -> Grey:
        """Return the picture of an index row, (336, 240); raises as :meth:`half` does."""

    def own(self, row: int) -> Values:
        """Return how far the card differs from those that look like it, for each block of FINE, 0 to 1."""

    def prints(self, row: int) -> Values:
        """Return how far it differs from other prints of its artwork, for each block of SHARP, 0 to 1."""

    def entry(self, row: int) -> Entry:
        """Return all that is stored of a row, to be written again; raises as :meth:`half` does."""

    def close(self) -> None:
        """Unmap files; safe to call twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """What is stored of one reference."""

    data: bytes
    """JPEG, see :func:`encode_reference`."""
    own: NDArray[np.uint8]
    """(88,) see :meth:`Pictures.own`, 255 for 1."""
    prints: NDArray[np.uint8]
    """(352,) see :meth:`Pictures.prints`, 255 for 1."""


class StoredPictures:
    """Read-only look-ups in a mapped file; what they return is said at :class:`Pictures`."""

    def __init__(self, path: Path, data: mmap.mmap, table: NDArray[np.void]) -> None:
        self._path = path
        self._data = data
        self._table = table

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._table)

    def half(self, row: int) -> Grey:
        """Return the picture at half its size."""
        return self._decoded(row, cv2.IMREAD_REDUCED_GRAYSCALE_2)

    def full(self, row: int) -> Grey:
        """Return the picture."""
        return self._decoded(row, cv2.IMREAD_GRAYSCALE)

    def own(self, row: int) -> Values:
        """Return the map of what is the card's own."""
        return np.asarray(self._table["own"][row] / 255.0)

    def prints(self, row: int) -> Values:
        """Return the map of what tells its prints apart."""
        return np.asarray(self._table["print"][row] / 255.0)

    def entry(self, row: int) -> Entry:
        """Return all that is stored of a row."""
        line = self._line(row)
        return Entry(self._checked(row, line), line["own"], line["print"])

    def close(self) -> None:
        """Unmap the file; safe to call twice."""
        self._data.close()

    def _decoded(self, row: int, how: int) -> Grey:
        data = self._checked(row, self._line(row))
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), how)
        if picture is None:
            raise self._damage(row)
        return np.asarray(picture, dtype=np.uint8)

    def _line(self, row: int) -> np.void:
        if not 0 <= row < len(self._table):
            raise IndexError(f"row {row}: there are {len(self._table)} pictures")
        line: np.void = self._table[row]
        return line

    def _checked(self, row: int, line: np.void) -> bytes:
        start = int(line["offset"])
        data = self._data[start : start + int(line["length"])]
        if zlib.crc32(data) != int(line["crc"]):
            raise self._damage(row)
        return data

    def _damage(self, row: int) -> ArtifactError:
        return ArtifactError(
            f"{self._path}: the picture of row {row} is damaged; run cardscanner db verify, then restore "
            "the file or build the database again"
        )


def open_pictures(path: Path, rows: int) -> StoredPictures:
    """Map a file; nothing is decoded yet.

    Raises
    ------
    ArtifactError
        It is no file of this kind, or not one of ``rows`` pictures.
    """
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be mapped: {error}; build the database again") from error
    try:
        table = _read_table(data, rows)
    except (ValueError, struct.error) as error:
        data.close()
        raise ArtifactError(
            f"{path} is not the pictures of this database: {error}; build it again"
        ) from error
    return StoredPictures(path, data, table)


def write_pictures(path: Path, pictures: Iterable[bytes], rows: int) -> None:
    """Write ``rows`` encoded pictures, in the order of the index; see :func:`encode_reference`."""
    table = np.zeros(rows, _LINE)
    with path.open("wb") as file:
        file.write(_HEAD.pack(_MAGIC, rows, WIDTH_PX, HEIGHT_PX))
        file.write(table.tobytes())
        for row, data in enumerate(pictures):
            table["offset"][row], table["length"][row] = file.tell(), len(data)
            table["crc"][row] = zlib.crc32(data)
            file.write(data)
        file.seek(_HEAD.size)
        file.write(table.tobytes())


def write_entries(path: Path, entries: Iterable[Entry], rows: int) -> None:
    """Write pictures and maps that were stored before, one for each of ``rows`` rows."""
    own, prints = np.zeros((rows, 88), np.uint8), np.zeros((rows, 352), np.uint8)

    def noted() -> Iterator[bytes]:
        for row, entry in enumerate(entries):
            own[row], prints[row] = entry.own, entry.prints
            yield entry.data

    write_pictures(path, noted(), rows)
    _fill_in(path, own, prints)


def write_maps(path: Path, own: NDArray[np.floating], prints: NDArray[np.floating]) -> None:
    """Fill in the maps, (N, 88) and (N, 352), of a file that :func:`write_pictures` wrote."""
    _fill_in(path, as_bytes(own), as_bytes(prints))


def as_bytes(maps: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return weights, 0 to 1, as they are stored."""
    return np.asarray(np.rint(np.clip(maps, 0.0, 1.0).astype(np.float32) * 255), dtype=np.uint8)


def _fill_in(path: Path, own: NDArray[np.uint8], prints: NDArray[np.uint8]) -> None:
    with path.open("r+b") as file:
        file.seek(_HEAD.size)
        table = np.frombuffer(file.read(len(own) * _LINE.itemsize), _LINE).copy()
        table["own"], table["print"] = own, prints
        file.seek(_HEAD.size)
        file.write(table.tobytes())


def encode_reference(picture: Picture) -> bytes:
    """Return a reference picture as the best grey JPEG that is not larger than :data:`MOST_BYTES`."""
    small = rectify(picture, whole_picture_corners(picture), HEIGHT_PX, WIDTH_PX)
    return encode_grey(grey(small))


def encode_grey(picture: Grey) -> bytes:
    """Return a (336, 240) grey picture as JPEG."""
    low, high = 0, len(_QUALITIES) - 1
    data = _jpeg(picture, _QUALITIES[-1])
    while low < high:
        middle = (low + high) // 2
        tried = _jpeg(picture, _QUALITIES[middle])
        if len(tried) <= MOST_BYTES:
            data, high = tried, middle
        else:
            low = middle + 1
    return data


def _jpeg(picture: Grey, quality: int) -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    return bytes(cv2.imencode(".jpg", picture, options)[1].tobytes())


def grey(picture: Picture) -> Grey:
    """Return an RGB picture in grey."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _read_table(data: mmap.mmap, rows: int) -> NDArray[np.void]:
    magic, count, width, height = _HEAD.unpack(data[: _HEAD.size])
    if (magic, width, height) != (_MAGIC, WIDTH_PX, HEIGHT_PX):
        raise ValueError("its head is another one")
    if count != rows:
        raise ValueError(f"it holds {count} pictures, the database {rows} rows")
    if len(data) < _HEAD.size + rows * _LINE.itemsize:
        raise ValueError("it is cut short")
    table = np.frombuffer(data[_HEAD.size : _HEAD.size + rows * _LINE.itemsize], _LINE)
    if (table["offset"] + table["length"] > len(data)).any():
        raise ValueError("it is cut short")
    return table
