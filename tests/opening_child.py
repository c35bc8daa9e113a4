"""Opens database folders and asks them, one line of JSON for each; a damaged one must not end the process.

python opening_child.py FOLDER [FOLDER ...]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from cardscanner.config import IndexConfig
from cardscanner.errors import CardscannerError
from cardscanner.match import load_index, open_database


def ask(folder: Path) -> dict[str, object]:
    """Search for the first and the last vector of a database."""
    try:
        database = open_database(folder)
        index = load_index(IndexConfig(database=folder), database)
        queries = np.asarray(database.vectors[[0, -1]], dtype=np.float32)
        rows, _ = index.nearest(queries, 3)
        return {"cards": [database.card_of(int(row)).card_id for row in rows[:, 0]]}
    except CardscannerError as error:
        return {"error": type(error).__name__, "says": str(error)}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps({"folder": Path(name).name, **ask(Path(name))}), flush=True)
