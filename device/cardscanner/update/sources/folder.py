"""FolderSource: a folder, say on a USB stick or a network share."""

from __future__ import annotations

from pathlib import Path

from cardscanner.errors import SourceAway, UpdateRefused
from cardscanner.update.sources.source import Tell

_CHUNK = 1 << 20


class FolderSource:
    """Reads below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str, most: int) -> bytes:
        """Return a small file."""
        try:
            with self._existing(path).open("rb") as file:
                data = file.read(most + 1)
        except OSError as error:
            raise SourceAway(f"{self._root / path} cannot be read: {error}") from error
        if len(data) > most:
            raise UpdateRefused("bad_document", f"{self._root / path} is longer than {most} bytes")
        return data

    def fetch(self, path: str, size: int, into: Path, tell: Tell) -> None:
        """Copy a file, from where an earlier attempt ended."""
        source = self._existing(path)
        try:
            found = source.stat().st_size
            if found != size:
                raise UpdateRefused(
                    "truncated", f"{source} has {found} bytes, the signed release says {size}: copy it again"
                )
            with source.open("rb") as reading, into.open("ab") as writing:
                reading.seek(writing.tell())
                while chunk := reading.read(_CHUNK):
                    writing.write(chunk)
                    tell(len(chunk))
        except OSError as error:
            raise SourceAway(f"{source} cannot be copied: {error}") from error

    def _existing(self, path: str) -> Path:
        if not self._root.is_dir():
            raise SourceAway(f"{self._root} is not there: is it mounted?")
        whole = self._root / path
        if not whole.is_file():
            raise UpdateRefused("not_found", f"{whole} does not exist")
        return whole
