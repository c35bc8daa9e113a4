"""The cost of a second look: milliseconds for each card, and bytes stored.

    python -m cardscanner_tools.bench_verify [--cards 60] [--candidates 5]

Rendered cards are stored as a database build stores them, captures of them are simulated, and each is looked
at with K candidates: all of other artworks, the right one first or last, or some of them prints of one
artwork. One thread; CPU time of the process, so that a busy machine counts little, and as a ratio to finding
the Canny edges of a 1280 x 720 frame in the same run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from cardscanner.match.captures import CAPTURE, Scene, simulate_scene
from cardscanner.records import Candidate, Card, Picture
from cardscanner.verify.maps import own_map, print_map
from cardscanner.verify.stored import PICTURES_FILE, StoredPictures, open_pictures
from cardscanner.verify.storing import encode_reference, write_maps, write_pictures
from cardscanner.verify.verifier import Verifier
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue

_BAR_MS = 10.0
_BAR_BYTES = 8192
_REPEATS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cards", type=int, default=60)
    parser.add_argument("--candidates", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    faces, artworks = _faces(options.cards)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / PICTURES_FILE
        pictures = store(path, faces, artworks)
        print(f"stored: {path.stat().st_size / len(faces):.0f} bytes a card (bar: {_BAR_BYTES})")
        bench(pictures, faces, artworks, options.candidates)
        pictures.close()


def store(path: Path, faces: Sequence[Picture], artworks: Sequence[int]) -> StoredPictures:
    """Write pictures and maps: each card told from its four neighbours in the row, and from its twins."""
    write_pictures(path, map(encode_reference, faces), len(faces))
    own, prints = np.zeros((len(faces), 88), np.float16), np.zeros((len(faces), 352), np.float16)
    pictures = open_pictures(path, len(faces))
    for row in range(len(faces)):
        others = [(row + step) % len(faces) for step in range(1, 9)]
        others = [each for each in others if artworks[each] != artworks[row]][:4]
        twins = [each for each, name in enumerate(artworks) if name == artworks[row] and each != row]
        own[row] = own_map(pictures.half(row), [pictures.half(each) for each in others])
        prints[row] = print_map(row, twins[:8], pictures)
    pictures.close()
    write_maps(path, own, prints)
    return open_pictures(path, len(faces))


def bench(pictures: StoredPictures, faces: Sequence[Picture], artworks: Sequence[int], count: int) -> None:
    """Time looks of each kind."""
    verifier = Verifier(pictures)
    scenes = [simulate_scene(face, CAPTURE, np.random.default_rng(n)) for n, face in enumerate(faces)]
    frame = np.random.default_rng(0).integers(0, 256, (720, 1280), dtype=np.uint8)
    baseline = _cpu_ms(lambda: cv2.Canny(frame, 50, 100), 20)
    print(f"baseline: Canny edges of 1280 x 720 take {baseline:.2f} ms")
    kinds: dict[str, Callable[[int], list[int]]] = {
        "right card first": lambda n: [n, *_others(n, artworks, count - 1)],
        "right card last": lambda n: [*_others(n, artworks, count - 1), n],
        "a card that is not there": lambda n: _others(n, artworks, count),
        "prints of one artwork": lambda n: _with_twins(n, artworks, count),
    }
    for name, rows_of in kinds.items():
        each = [_look_ms(verifier, scene, rows_of(n), artworks) for n, scene in enumerate(scenes)]
        p50, p99 = np.percentile(each, [50, 99])
        print(f"{name:26} {p50:6.2f} ms median, {p99:6.2f} ms p99, {p50 / baseline:5.2f} x the baseline "
              f"(bar: {_BAR_MS:.0f} ms)")  # fmt: skip


def _look_ms(verifier: Verifier, scene: Scene, rows: Sequence[int], artworks: Sequence[int]) -> float:
    prints = [
        Candidate(Card(str(row), "", artworks[row]), 0.9 - place / 20, row) for place, row in enumerate(rows)
    ]
    return _cpu_ms(lambda: verifier.checked(scene.picture, scene.corners, prints), _REPEATS)


def _cpu_ms(work: Callable[[], object], times: int) -> float:
    """Return the CPU time of one call, after one that warms up."""
    work()
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1000


def _faces(count: int) -> tuple[list[Picture], list[int]]:
    specs = catalogue(count, seed=31)
    names = {art: number for number, art in enumerate(dict.fromkeys(spec.art for spec in specs))}
    return [render_card(spec, 460) for spec in specs], [names[spec.art] for spec in specs]


def _others(row: int, artworks: Sequence[int], count: int) -> list[int]:
    """Return cards of other artworks, each of another one."""
    found: dict[int, int] = {}
    for step in range(1, len(artworks)):
        each = (row + step) % len(artworks)
        if artworks[each] != artworks[row]:
            found.setdefault(artworks[each], each)
    return list(found.values())[:count]


def _with_twins(row: int, artworks: Sequence[int], count: int) -> list[int]:
    """Return the card, its reprints, and others after them."""
    twins = [each for each, name in enumerate(artworks) if name == artworks[row] and each != row]
    return [row, *twins, *_others(row, artworks, count)][:count]


if __name__ == "__main__":
    main()
