"""Writing ``pictures.bin``; its layout is told in :mod:`stored`."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from cardscanner.records import Picture
from cardscanner.rectify import rectify, whole_picture_corners
from cardscanner.verify.stored import (
    HEAD,
    HEIGHT_PX,
    LINE,
    MAGIC,
    OWN_BLOCKS,
    PRINT_BLOCKS,
    WIDTH_PX,
    Entry,
    Grey,
    grey,
)

MOST_BYTES = 7_720
"""Of one picture. With its line in the table it stays below 8 KB."""

_QUALITIES = (85, 75, 65, 58, 52, 46, 40, 35, 30, 25, 20, 15, 10, 5, 1)
"""The last always fits: 3 KB of the worst noise."""


def write_pictures(path: Path, pictures: Iterable[bytes], rows: int) -> None:
    """Write ``rows`` encoded pictures, in the order of the index; see :func:`encode_reference`."""
    table = np.zeros(rows, LINE)
    with path.open("wb") as file:
        file.write(HEAD.pack(MAGIC, rows, WIDTH_PX, HEIGHT_PX))
        file.write(table.tobytes())
        for row, data in enumerate(pictures):
            table["offset"][row], table["length"][row] = file.tell(), len(data)
            table["crc"][row] = zlib.crc32(data)
            file.write(data)
        file.seek(HEAD.size)
        file.write(table.tobytes())


def write_entries(path: Path, entries: Iterable[Entry], rows: int) -> None:
    """Write pictures and maps that were stored before, one for each of ``rows`` rows."""
    own, prints = np.zeros((rows, OWN_BLOCKS), np.uint8), np.zeros((rows, PRINT_BLOCKS), np.uint8)

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
        file.seek(HEAD.size)
        table = np.frombuffer(file.read(len(own) * LINE.itemsize), LINE).copy()
        table["own"], table["print"] = own, prints
        file.seek(HEAD.size)
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
