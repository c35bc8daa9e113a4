"""Pushes a database in a process of its own, to be killed: python pushing_child.py FOLDER URL|FOLDER BATCH."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from cardscanner.config import QdrantConfig
from cardscanner.match.progress import Progress
from cardscanner.match.push import push_database

if __name__ == "__main__":
    database, target, batch = sys.argv[1:]
    place = QdrantConfig(url=target) if "://" in target else QdrantConfig(folder=Path(target))
    push_database(Path(database), place, Progress(io.StringIO()), int(batch))
