"""What the columns of a CSV file are: ours, or those that a collection tool imports."""

from __future__ import annotations

from typing import Protocol

from cardscanner.errors import ConfigError
from cardscanner.publish.payload import ScanPayload

FORMATS = ("plain", "moxfield", "manabox")


class CsvFormat(Protocol):
    """Columns, and a row for each scan; modules have this shape."""

    @property
    def COLUMNS(self) -> tuple[str, ...]:  # noqa: N802 - a constant of a module
        """Names in the first line of the file."""

    def row(self, scan: ScanPayload) -> tuple[str, ...] | None:
        """Return the fields of a scan; ``None``: it is nothing that the file is for."""


def csv_format(name: str) -> CsvFormat:
    """Return the format of a name.

    Raises
    ------
    ConfigError
        There is none.
    """
    match name:
        case "plain":
            from cardscanner.listen.formats import plain

            return plain
        case "moxfield":
            from cardscanner.listen.formats import moxfield

            return moxfield
        case "manabox":
            from cardscanner.listen.formats import manabox

            return manabox
        case _:
            raise ConfigError(f"--format {name}: is unknown; allowed: {', '.join(FORMATS)}")
