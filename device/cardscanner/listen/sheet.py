"""Sheet: a CSV file that grows by whole lines, each of them on the disk before anybody is told of it."""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from cardscanner.errors import InputError
from cardscanner.files import replacing

_PIECE = 65536


class Sheet:
    """An open file whose first line names its columns.

    A line that a crash has cut off is removed when the file is opened again. No field holds a line end, so
    each line is one record. One process at a time may have it open.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def open(cls, path: Path, columns: Sequence[str]) -> Self:
        """Open a file, or make it.

        Raises
        ------
        InputError
            It has other columns, or another process writes to it.
        OSError
            It can be neither opened nor made.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            _claim(path, descriptor)
            sheet = cls(path, descriptor)
            sheet._begin(columns)
        except BaseException:
            os.close(descriptor)
            raise
        return sheet

    def rows(self) -> Iterable[dict[str, str]]:
        """Return what the file holds."""
        with self._path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)

    def append(self, rows: Sequence[Sequence[str]]) -> None:
        """Write lines; they are on the disk when this returns.

        Raises
        ------
        OSError
            The disk did not take them.
        """
        if rows:
            self._write("".join(_line(row) for row in rows).encode())

    def remove(self, row: Sequence[str]) -> None:
        """Take the last line out that is this row, if there is one; a crash leaves the old file or a new one.

        Raises
        ------
        OSError
            The disk did not take it.
        """
        before, found, after = self._path.read_bytes().rpartition(b"\r\n" + _line(row).encode())
        if not found:
            return
        with replacing(self._path) as temporary:
            temporary.write_bytes(before + b"\r\n" + after)
            temporary.chmod(self._path.stat().st_mode & 0o777)
            descriptor = os.open(temporary, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            _claim(self._path, descriptor)
        os.close(self._descriptor)
        self._descriptor = descriptor

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _begin(self, columns: Sequence[str]) -> None:
        header = _line(columns).encode()
        begun = os.pread(self._descriptor, len(header), 0)
        if begun != header[: len(begun)]:
            raise InputError(
                f"{self._path} is there already and has other columns: name another file, "
                "or give the --format that it was begun with"
            )
        if self._drop_torn_line() == 0:
            self._write(header)
            _settle_name(self._path)

    def _drop_torn_line(self) -> int:
        """Cut off what follows the last line end; return the length of what is left."""
        size = os.fstat(self._descriptor).st_size
        whole = self._end_of_last_line(size)
        if whole < size:
            os.ftruncate(self._descriptor, whole)
        return whole

    def _end_of_last_line(self, size: int) -> int:
        while size > 0:
            start = max(0, size - _PIECE)
            found = os.pread(self._descriptor, size - start, start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            size = start
        return 0

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fsync(self._descriptor)


def _claim(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"{path}: another process writes to it: name another file") from None


def _line(fields: Sequence[str]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([" ".join(each.split()) for each in fields])
    return written.getvalue()


def _settle_name(path: Path) -> None:
    """Let the name of a new file survive a power cut."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
