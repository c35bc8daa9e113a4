"""A process that stores rows as fast as it can and tells each one that is committed, until it is killed.

    python putting_child.py FOLDER

It prints ``seq id`` after each ``put`` has returned. Every tenth row counts as delivered.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from scans import open_outbox


def main(folder: Path) -> None:
    """Store until killed."""
    outbox = open_outbox(folder)
    while True:
        stamp = outbox.put("topic", lambda stamp: f"{stamp.id}".encode() * 20)
        os.write(1, f"{stamp.seq} {stamp.id}\n".encode())
        if stamp.seq % 10 == 0:
            outbox.delivered(outbox.pending(stamp.seq - 1, 1)[0])
            outbox.forget_delivered()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
