"""Writing wheels (PEP 427) whose bytes depend on their contents alone."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

Date = tuple[int, int, int, int, int, int]
EARLIEST: Date = (1980, 1, 1, 0, 0, 0)
"""Zip files know none before."""


def write_wheel(place: Path, contents: Mapping[str, bytes], date: Date = EARLIEST) -> Path:
    """Write files in this order and their RECORD; the wheel is there whole or not at all."""
    name, version = place.name.split("-")[:2]
    record = f"{name}-{version}.dist-info/RECORD"
    lines = [*(_line(file, data) for file, data in contents.items()), f"{record},,\n"]
    with TemporaryDirectory(dir=place.parent) as making:
        fresh = Path(making) / place.name
        with ZipFile(fresh, "w", ZIP_DEFLATED) as archive:
            for file, data in {**contents, record: "".join(lines).encode()}.items():
                entry = ZipInfo(file, date)
                entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o100644 << 16
                archive.writestr(entry, data)
        return fresh.replace(place)


def _line(file: str, data: bytes) -> str:
    digest = urlsafe_b64encode(sha256(data).digest()).decode().rstrip("=")
    return f"{file},sha256={digest},{len(data)}\n"
