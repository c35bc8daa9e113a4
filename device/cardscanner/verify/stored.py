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
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.errors import ArtifactError
from cardscanner.records import Picture

PICTURES_FILE = "pictures.bin"
WIDTH_PX, HEIGHT_PX = 240, 336
"""3.8 pixels for a millimetre of the card: a set symbol has about fifteen of them, a digit five."""

Grey = NDArray[np.uint8]
"""(H, W) uint8."""

Values = NDArray[np.float64]

MAGIC = b"CSPIX\x00\x01\n"
HEAD = struct.Struct("<8sIHH")
OWN_BLOCKS, PRINT_BLOCKS = 88, 352
LINE = np.dtype([
    ("offset", "<u8"), ("length", "<u4"), ("crc", "<u4"),
    ("own", "u1", OWN_BLOCKS), ("print", "u1", PRINT_BLOCKS),
])  # fmt: skip


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
    """JPEG, see :func:`storing.encode_reference`."""
    own: NDArray[np.uint8]
    """(88,) see :meth:`Pictures.own`, 255 for 1."""
    prints: NDArray[np.uint8]
    """(352,) see :meth:`Pictures.prints`, 255 for 1."""

    def packed(self) -> bytes:
        """Return both maps and the JPEG in one piece, for other programs' files."""
        return self.own.tobytes() + self.prints.tobytes() + self.data

    @classmethod
    def unpacked(cls, packed: bytes) -> Entry:
        """Undo :meth:`packed`; :class:`ValueError` when these are no maps and a picture."""
        own, prints, data = (
            packed[:OWN_BLOCKS],
            packed[OWN_BLOCKS : OWN_BLOCKS + PRINT_BLOCKS],
            packed[OWN_BLOCKS + PRINT_BLOCKS :],
        )
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
        if picture is None or picture.shape != (HEIGHT_PX, WIDTH_PX):
            raise ValueError(f"the small picture is no JPEG of {WIDTH_PX} x {HEIGHT_PX} pixels")
        return cls(data, np.frombuffer(own, np.uint8), np.frombuffer(prints, np.uint8))


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


def grey(picture: Picture) -> Grey:
    """Return an RGB picture in grey."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _read_table(data: mmap.mmap, rows: int) -> NDArray[np.void]:
    magic, count, width, height = HEAD.unpack(data[: HEAD.size])
    if (magic, width, height) != (MAGIC, WIDTH_PX, HEIGHT_PX):
        raise ValueError("its head is another one")
    if count != rows:
        raise ValueError(f"it holds {count} pictures, the database {rows} rows")
    if len(data) < HEAD.size + rows * LINE.itemsize:
        raise ValueError("it is cut short")
    table = np.frombuffer(data[HEAD.size : HEAD.size + rows * LINE.itemsize], LINE)
    if (table["offset"] + table["length"] > len(data)).any():
        raise ValueError("it is cut short")
    return table
