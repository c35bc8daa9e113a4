"""A process that scans: outbox, history, settings and corrections, in turn; what is durable it says in a file.

python recorded_child.py FOLDER SCANS
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from scans import FACTS, open_outbox, scan_event

from cardscanner.config import HistoryConfig
from cardscanner.corrections import Correction, Corrections, now
from cardscanner.files import replacing
from cardscanner.history import History
from cardscanner.publish.event import store_event
from cardscanner.publish.scan import store_message

PHOTO = b"photo" * 800


def main(folder: Path, scans: int) -> None:
    """Scan, deliver, undo, change settings, correct."""
    outbox = open_outbox(folder, keep_delivered=4000)
    history = History.open(folder / "history.db", HistoryConfig(), outbox)
    said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(1, scans + 1):
        stamp, message = store_message(outbox, scan_event(number), FACTS)
        os.write(said, f"scan {stamp.seq} {stamp.id}\n".encode())
        history.add(message, PHOTO)
        outbox.delivered(*outbox.pending(stamp.seq - 1, 1))
        outbox.forget_delivered(now=True)
        if number % 4 == 0:
            history.write()
        if number % 5 == 0:
            with replacing(folder / "settings.yaml") as temporary:
                temporary.write_text(f"settings {number}\n" * 300, encoding="ascii")
            os.write(said, f"settings {number} -\n".encode())
        if number % 7 == 0:
            store_event(outbox, FACTS.device_id, "scan_undone", {"scan": stamp.id})
            history.undo(stamp.id)
            os.write(said, f"undone {number} {stamp.id}\n".encode())
        if number % 9 == 0:
            correction = Correction(stamp.id, "base1-1", "match", (), "1", None, now())
            Corrections(folder / "corrections").add(correction, PHOTO)
            os.write(said, f"corrected {number} {stamp.id}\n".encode())
    history.close()
    outbox.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
