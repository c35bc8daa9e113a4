"""Random damage to a database, of every kind and to every file: an error, or the right cards; never a crash."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from reference_databases import changed_database_of, random_units

from cardscanner.config import IndexConfig
from cardscanner.errors import ArtifactError
from cardscanner.match import load_index, open_database

DIM, CARDS = 32, 60
BACKENDS = ("annoy", "exact")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A database with everything one can have: base, added cards, removed cards, pictures."""
    folder = tmp_path_factory.mktemp("whole") / "db"
    return changed_database_of(folder, random_units(CARDS, DIM), pictures=True)


def flip_bits(data, rng):
    for at in rng.integers(len(data), size=int(rng.integers(1, 4))):
        data[at] ^= 1 << int(rng.integers(8))


def noise(data, rng):
    start = int(rng.integers(len(data)))
    data[start : start + 200] = rng.bytes(len(data[start : start + int(rng.integers(1, 200))]))


def zeros(data, rng):
    start = int(rng.integers(len(data)))
    data[start : start + 512] = bytes(len(data[start : start + 512]))


def cut(data, rng):
    del data[int(rng.integers(len(data))) :]


def cut_out(data, rng):
    start = int(rng.integers(len(data)))
    del data[start : start + int(rng.integers(1, 4096))]


def longer(data, rng):
    data += rng.bytes(int(rng.integers(1, 300)))


def doubled(data, rng):
    start = int(rng.integers(len(data)))
    data[start:start] = data[start : start + 100]


def swap(data, rng):
    """Two halves of the file change places, its length and content stay."""
    at = int(rng.integers(1, len(data)))
    data[:] = data[at:] + data[:at]


HARM = (flip_bits, noise, zeros, cut, cut_out, longer, doubled, swap)


def answers(folder: Path, backend: str) -> list[str]:
    """Every card searched for with its own vector."""
    with closing(open_database(folder)) as database:
        index = load_index(IndexConfig(backend=backend, database=folder), database)
        rows, _ = index.nearest(random_units(CARDS, DIM), 1)
        index.close()
        return [database.card_of(row).card_id for row in rows[:, 0].tolist()]


def spoil_often(whole: Path, folder: Path, count: int, seed: int) -> dict[str, int]:
    """Spoil files ``count`` times; return how often each was refused."""
    rng = np.random.default_rng(seed)
    shutil.copytree(whole, folder)
    files = {each.name: each.read_bytes() for each in sorted(whole.iterdir())}
    truth = [f"card-{number}" for number in range(CARDS)]
    assert answers(folder, "annoy") == answers(folder, "exact") == truth
    refused = dict.fromkeys(files, 0)
    for number in range(count):
        name = list(files)[number % len(files)]
        data = bytearray(files[name])
        HARM[int(rng.integers(len(HARM)))](data, rng)
        (folder / name).write_bytes(data)
        try:
            found = answers(folder, BACKENDS[number // len(files) % 2])
        except ArtifactError:
            refused[name] += 1
        else:
            assert found == truth, f"{name}, attempt {number}"
        (folder / name).write_bytes(files[name])
    return refused


def test_six_hundred_random_corruptions_never_give_a_wrong_card(whole, tmp_path):
    refused = spoil_often(whole, tmp_path / "db", 600, seed=1)
    assert len(refused) == 8
    assert all(times >= 34 for times in refused.values()), refused


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_thousand_random_corruptions_never_give_a_wrong_card(whole, tmp_path):
    refused = spoil_often(whole, tmp_path / "db", 10_000, seed=2)
    print(f"refused, of {10_000 // len(refused)} for each file: {refused}")
    assert sum(refused.values()) > 8000
