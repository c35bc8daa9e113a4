"""What a training wrote down: one CSV row at each validation, TensorBoard beside it when asked for."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cardscanner.errors import ConfigError
from cardscanner.files import replacing

Row = Mapping[str, Any]


class Journal:
    """``log.csv`` of a run, and event files if ``tensorboard``."""

    def __init__(self, folder: Path, done: int, *, tensorboard: bool) -> None:
        """Open it for a run that goes on after ``done`` steps; later rows were from a time that is lost."""
        self.path = folder / "log.csv"
        self.rows: list[Row] = [row for row in _read(self.path) if int(row["step"]) <= done]
        self.board = _board(folder / "tensorboard", done) if tensorboard else None

    def add(self, row: Row) -> None:
        """Write one row and show it."""
        self.rows.append(row)
        self._write()
        tqdm.write(" ".join(f"{name}={value}" for name, value in row.items()))
        if self.board is not None:
            for name, value in row.items():
                if isinstance(value, float):
                    self.board.add_scalar(name, value, row["step"])
            self.board.flush()

    def close(self) -> None:
        """Finish the event files."""
        if self.board is not None:
            self.board.close()

    def _write(self) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with replacing(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _board(folder: Path, done: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError(f"--tensorboard: {error}: pip install tensorboard, or leave it out") from None
    return SummaryWriter(folder, purge_step=done + 1)
