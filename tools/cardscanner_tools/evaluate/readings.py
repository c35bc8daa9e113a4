"""Reading many crops with several readers, drawing each crop once; galleries are kept and can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cardscanner.files import replacing
from cardscanner.records import Batch, Picture, Vectors
from cardscanner.rectify import turned
from cardscanner_tools.evaluate.readers import Reader

PART = 256

Crop = Callable[[int, int, int], Picture]
"""Number, height and width to the crop."""
Readings = dict[str, Vectors]
"""Vectors by the reader's name."""


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Numbered crops that can be made in any size."""

    key: str
    """Names everything that decides how they look."""
    count: int
    crop: Crop

    def batch(self, numbers: Sequence[int], height: int, width: int) -> Batch:
        """Return some of them."""
        return np.stack([self.crop(number, height, width) for number in numbers])


def stored_readings(folder: Path, crops: Crops, readers: Sequence[Reader], what: str) -> Readings:
    """Read all crops, part by part; parts that lie in ``folder`` already are not read again."""
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, crops.count, PART)
    for start in tqdm(starts, desc=what, unit=f"x{PART}", mininterval=2):
        missing = [each for each in readers if not _part(folder, crops, each, start).is_file()]
        for reader, vectors in _read(crops, range(start, min(start + PART, crops.count)), missing):
            with replacing(_part(folder, crops, reader, start)) as temporary, temporary.open("wb") as file:
                np.save(file, vectors)
    return {
        each.name: np.concatenate([np.load(_part(folder, crops, each, start)) for start in starts])
        for each in readers
    }


@dataclass(frozen=True, slots=True, eq=False)
class BothWays:
    """Queries as they are and turned by 180 degrees, by the reader's name; the box looks at both, too."""

    upright: Readings
    turned: Readings


def read_both_ways(crops: Crops, readers: Sequence[Reader], what: str) -> BothWays:
    """Read queries; nothing is kept."""
    upright: dict[str, list[Vectors]] = {each.name: [] for each in readers}
    over: dict[str, list[Vectors]] = {each.name: [] for each in readers}
    for start in tqdm(range(0, crops.count, 64), desc=what, unit="x64", mininterval=2, leave=False):
        numbers = range(start, min(start + 64, crops.count))
        for size, those in _by_size(readers):
            batch = crops.batch(numbers, *size)
            for reader in those:
                upright[reader.name].append(reader.read(batch))
                over[reader.name].append(reader.read(turned(batch)))
    return BothWays(
        {name: np.concatenate(parts) for name, parts in upright.items()},
        {name: np.concatenate(parts) for name, parts in over.items()},
    )


def _read(
    crops: Crops, numbers: Sequence[int], readers: Sequence[Reader]
) -> Iterator[tuple[Reader, Vectors]]:
    for size, those in _by_size(readers):
        batch = crops.batch(numbers, *size)
        for reader in those:
            yield reader, reader.read(batch)


def _by_size(readers: Sequence[Reader]) -> list[tuple[tuple[int, int], list[Reader]]]:
    sizes: dict[tuple[int, int], list[Reader]] = {}
    for reader in readers:
        sizes.setdefault((reader.height, reader.width), []).append(reader)
    return list(sizes.items())


def _part(folder: Path, crops: Crops, reader: Reader, start: int) -> Path:
    return folder / f"{crops.key}.{reader.key}.{start:06d}.npy"
