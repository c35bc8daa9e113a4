"""Patches: a new file as pieces of an old one and bytes between them.

Layout: magic; then zlib-compressed instructions, little endian: ``C`` offset length copies from the old file,
``D`` length data adds bytes, ``E`` ends it. What comes out is believed only after its SHA-256 was compared
with the signed release, so a patch can spoil nothing but time.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cardscanner.errors import UpdateRefused

MAGIC = b"CSPATCH\x01"
COPY, DATA, END = b"C", b"D", b"E"
_TWO, _ONE = struct.Struct("<QQ"), struct.Struct("<Q")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Copy:
    """A piece of the old file."""

    offset: int
    length: int


Instruction = Copy | bytes


def write_patch(instructions: Iterable[Instruction], out: BinaryIO) -> None:
    """Write a patch file."""
    packer = zlib.compressobj(9)
    out.write(MAGIC)
    for each in instructions:
        if isinstance(each, Copy):
            out.write(packer.compress(COPY + _TWO.pack(each.offset, each.length)))
        else:
            out.write(packer.compress(DATA + _ONE.pack(len(each))))
            out.write(packer.compress(each))
    out.write(packer.compress(END) + packer.flush())


def apply_patch(old: Path, patch: Path, into: Path, size: int) -> None:
    """Write the new file, of ``size`` bytes.

    Raises
    ------
    UpdateRefused
        The patch makes no sense, or would make a longer file.
    """
    with old.open("rb") as source, patch.open("rb") as packed, into.open("wb") as out:
        stream = _Stream(packed, patch)
        left = size
        while (what := stream.take(1)) != END:
            if what == COPY:
                offset, length = _TWO.unpack(stream.take(_TWO.size))
                source.seek(offset)
                _move(source.read, out, min(length, left + 1), patch)
            elif what == DATA:
                (length,) = _ONE.unpack(stream.take(_ONE.size))
                _move(stream.some, out, min(length, left + 1), patch)
            else:
                raise _nonsense(patch)
            left -= length
            if left < 0:
                raise _nonsense(patch)


def _move(read: Callable[[int], bytes], out: BinaryIO, length: int, patch: Path) -> None:
    while length:
        chunk = read(min(length, _CHUNK))
        if not chunk:
            raise _nonsense(patch)
        out.write(chunk)
        length -= len(chunk)


class _Stream:
    """Unpacks as it reads; a small file that unpacks to a large one costs no memory."""

    def __init__(self, packed: BinaryIO, path: Path) -> None:
        self._packed, self._path = packed, path
        self._unpacker = zlib.decompressobj()
        self._ready = b""
        if packed.read(len(MAGIC)) != MAGIC:
            raise _nonsense(path)

    def some(self, most: int) -> bytes:
        """Return at least one byte, at most ``most``; none at the end."""
        while not self._ready:
            raw = self._unpacker.unconsumed_tail or self._packed.read(1 << 16)
            if not raw:
                return b""
            try:
                self._ready = self._unpacker.decompress(raw, _CHUNK)
            except zlib.error as error:
                raise _nonsense(self._path) from error
        taken, self._ready = self._ready[:most], self._ready[most:]
        return taken

    def take(self, count: int) -> bytes:
        """Return exactly so many bytes."""
        taken = b""
        while len(taken) < count:
            more = self.some(count - len(taken))
            if not more:
                raise _nonsense(self._path)
            taken += more
        return taken


def _nonsense(patch: Path) -> UpdateRefused:
    return UpdateRefused("bad_document", f"{patch}: no usable patch")
