"""What a day of scanning writes to the disk: outbox, history and both together.

    python -m cardscanner_tools.bench_storage [--scans 3000] [--photo-bytes 3600 | --data FOLDER] [--json]

The worst of ways: scans come one by one, evenly through 24 hours, so that each is stored, delivered and
noted by itself and few share a batch of the history. Counting begins when the outbox holds all the delivered
messages that it keeps. Bytes are those of ``/proc/self/io`` (``write_bytes``): pages of 4 KiB that the kernel
was made to write to the block device, side files included; the file system's own journal is not in it. The
baseline is what one does first: insert and delete the same message in SQLite, each with a commit of its own.
``--data`` takes the photos of cards from labelled pictures instead of bytes of one size.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from cardscanner.config import HistoryConfig, OutboxConfig
from cardscanner.history import History
from cardscanner.history.history import WRITE_AFTER_S
from cardscanner.history.photo import small_jpeg
from cardscanner.publish.outbox import Outbox
from cardscanner.publish.scan import store_message
from cardscanner_tools.bench_outbox import FACTS, bytes_written, synthetic_event

DAY_SCANS = 10_000
_MOST_PHOTOS = 200
Figures = dict[str, float]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_storage", description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=3000)
    parser.add_argument("--photo-bytes", type=int, default=3600)
    parser.add_argument("--data", type=Path, help="labelled photos (photos.csv)")
    parser.add_argument(
        "--folder", type=Path, help="on the disk to be measured; default: the temporary folder"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    photos = [os.urandom(options.photo_bytes)] if options.data is None else read_photos(options.data)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures = measure(Path(folder), options.scans, photos)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<36} {value:12.3f}")


def measure(folder: Path, scans: int, photos: list[bytes], keep_delivered: int = 2000) -> Figures:
    """Return bytes for each scan and megabytes a day."""
    config = OutboxConfig(path=folder / "kept/outbox.db", keep_delivered=keep_delivered)
    with closing(Outbox.open(config)) as outbox:
        _deliver(outbox, keep_delivered + keep_delivered // 20)
        day = _day(outbox, folder / "kept/history.db", scans, photos)
    written = {"naive": _naive(folder / "naive.db", scans), **day}
    figures: Figures = {"photo.mean_bytes": float(np.mean([len(each) for each in photos]))}
    for name, size in written.items():
        figures[f"{name}.bytes_per_scan"] = size / scans
        figures[f"{name}.mb_per_day"] = size / scans * DAY_SCANS / 1e6
    figures["ratio.outbox_to_naive"] = written["outbox"] / written["naive"]
    figures["ratio.total_to_naive"] = written["total"] / written["naive"]
    return figures


def _deliver(outbox: Outbox, scans: int) -> None:
    for number in range(scans):
        store_message(outbox, synthetic_event(number), FACTS)
    for row in outbox.pending(0, scans):
        outbox.delivered(row)
    outbox.forget_delivered(now=True)


def _day(outbox: Outbox, path: Path, scans: int, photos: list[bytes]) -> dict[str, int]:
    """Store scans, deliver each before the next one comes, and write the history as often as time says."""
    batch = max(1, int(WRITE_AFTER_S * DAY_SCANS / 86_400) + 1)
    written = dict.fromkeys(("outbox", "history", "total"), 0)
    begin = bytes_written()
    history = History.open(path, HistoryConfig(), outbox)
    for number, photo in zip(range(scans), itertools.cycle(photos), strict=False):
        before = bytes_written()
        stamp, message = store_message(outbox, synthetic_event(number), FACTS)
        outbox.delivered(*outbox.pending(stamp.seq - 1, 1))
        outbox.forget_delivered(now=True)
        between = bytes_written()
        history.add(message, photo)
        if number % batch == batch - 1:
            history.write()
        written["outbox"] += between - before
        written["history"] += bytes_written() - between
    before = bytes_written()
    history.close()
    written["history"] += bytes_written() - before
    written["total"] = bytes_written() - begin
    return written


def _naive(path: Path, scans: int) -> int:
    """Insert and delete each message, committing each time."""
    begin = bytes_written()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, payload BLOB)"
        )
        for number in range(scans):
            row = (f"{number:026}", os.urandom(1050))
            connection.execute("INSERT INTO outbox (id, payload) VALUES (?, ?)", row)
            connection.execute("DELETE FROM outbox WHERE id = ?", row[:1])
    return bytes_written() - begin


def read_photos(data: Path) -> list[bytes]:
    """Return cards of labelled photos as the history would keep them."""
    with (data / "photos.csv").open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["quad"]]
    return list(itertools.islice(_photos(data, rows[:: max(1, len(rows) // _MOST_PHOTOS)]), _MOST_PHOTOS))


def _photos(data: Path, rows: list[dict[str, str]]) -> Iterator[bytes]:
    for row in rows:
        picture = cv2.imread(str(data / row["file"]), cv2.IMREAD_COLOR)
        if picture is not None:
            corners = np.array(row["quad"].split(), np.float32).reshape(4, 2)
            yield small_jpeg(np.ascontiguousarray(picture[:, :, ::-1], np.uint8), corners)


if __name__ == "__main__":
    main()
