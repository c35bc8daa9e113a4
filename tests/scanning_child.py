"""A process that scans made-up cards into a real outbox and publishes them, until it is killed.

    python scanning_child.py FOLDER BROKER_PORT SCANS_PER_S

It appends ``epoch seq id`` to FOLDER/commits.txt after each commit, and nothing else anywhere.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from cardscanner.config import MqttConfig
from cardscanner.publish import open_publisher
from cardscanner.publish.scan import store_scan
from cardscanner.threads import Supervisor

sys.path.insert(0, str(Path(__file__).parent))
from scans import DEVICE, FACTS, DaemonFacts, open_outbox, scan_event


def main(folder: Path, port: int, scans_per_s: float) -> int:
    """Scan and publish until SIGTERM."""
    outbox = open_outbox(folder)
    config = MqttConfig(backend="mqtt", host="127.0.0.1", port=port, unheard="keep")
    publisher = open_publisher(config, DEVICE, outbox, DaemonFacts(outbox))
    commits = os.open(folder / "commits.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def scan(stopping: threading.Event) -> None:
        number = 0
        while scans_per_s and not stopping.wait(1 / scans_per_s):
            number += 1
            stamp = store_scan(outbox, scan_event(number), FACTS)
            os.write(commits, f"{stamp.epoch} {stamp.seq} {stamp.id}\n".encode())

    def publish(stopping: threading.Event) -> None:
        while not stopping.is_set():
            publisher.step(0.2)
        publisher.close(4.0)

    threads = Supervisor()
    signal.signal(signal.SIGTERM, lambda *_: threads.stop())
    threads.start("publish", publish)
    threads.start("scan", scan, may_end=True)
    threads.stopping.wait()
    threads.join(8.0)
    outbox.close()
    os.close(commits)
    return 1 if threads.early else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
