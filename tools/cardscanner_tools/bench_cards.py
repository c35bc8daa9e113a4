"""``python -m cardscanner_tools.bench_cards``: how long the page's card search takes."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from cardscanner.manifest import load_database_manifest
from cardscanner.match.card_store import StoredCard, open_cards, write_cards
from cardscanner.match.catalogue import Catalogue
from cardscanner.records import Card
from cardscanner.shipped import shipped_database

_QUERIES = ("a", "ar", "zar", "poké", "charizard", "dark chari", "4", "set12 103", "xyzzy", "set12-103")


def main() -> None:
    """Measure over invented names and print a line for each query."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cards.sqlite"
        write_cards(path, (StoredCard(row, _card(row), "x.png") for row in range(arguments.cards)))
        manifest = load_database_manifest(shipped_database())
        with closing(Catalogue(manifest, open_cards(path, arguments.cards), None)) as catalogue:
            began_s = time.perf_counter()
            catalogue.search("first", 20)
            print(f"{arguments.cards:,} cards; the first search took {time.perf_counter() - began_s:.2f} s")
            for query in _QUERIES:
                times_ms = [_search_ms(catalogue, query) for _ in range(arguments.times)]
                usual_ms = statistics.median(times_ms)
                print(f"  {query!r:14} median {usual_ms:5.1f} ms, worst {max(times_ms):5.1f} ms")


def _search_ms(catalogue: Catalogue, query: str) -> float:
    began_s = time.perf_counter()
    catalogue.search(query, 20)
    return (time.perf_counter() - began_s) * 1000


def _card(row: int) -> Card:
    rng = np.random.default_rng(row)
    parts = ["cha", "ri", "zard", "pi", "ka", "mew", "dra", "go", "poké", "bulb", "saur", "ar", "lisk", "té"]
    name = "".join(rng.choice(parts, 3)).title()
    number = str(row % 200)
    metadata = {"set": f"set{row // 200}", "number": number, "lang": "en", "rarity": "Rare Holo"}
    return Card(f"set{row // 200}-{number}", f"Dark {name}" if row % 9 == 0 else name, row, metadata)


if __name__ == "__main__":
    main()
