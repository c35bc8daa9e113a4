"""Finding what a new file has in common with an old one: every block of the old, anywhere in the new.

A polynomial hash modulo 2**64 of every window of the new file comes from one cumulative sum (Karp and Rabin,
1987, in numpy's wrap-around integers); what it finds is compared byte by byte before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cardscanner.update.patch import Copy, Instruction

BLOCK = 512
_BASE = 0x9E3779B97F4A7C15
_SEGMENT = 1 << 22
Bytes = NDArray[np.uint8]


def difference(old: bytes, new: bytes, block: int = BLOCK) -> Iterator[Instruction]:
    """Yield how to make ``new``: pieces of ``old`` as long as they go, and the bytes between."""
    known = _blocks(np.frombuffer(old, np.uint8), block)
    done = 0
    at = 0
    hits = iter(_hits(np.frombuffer(new, np.uint8), known, block))
    for at, hash_ in hits:
        if at < done:
            continue
        start = known[hash_]
        if old[start : start + block] != new[at : at + block]:
            continue
        before, length = _grown(old, new, start, at, block, done)
        if at - before > done:
            yield new[done : at - before]
        yield Copy(start - before, before + length)
        done = at + length
    if done < len(new):
        yield new[done:]


def _grown(old: bytes, new: bytes, start: int, at: int, block: int, done: int) -> tuple[int, int]:
    """Return how far the match goes, to the front of it and from it on."""
    before = 0
    while before < min(start, at - done) and old[start - before - 1] == new[at - before - 1]:
        before += 1
    length = block
    step = 1 << 16
    while step:
        same = old[start + length : start + length + step] == new[at + length : at + length + step]
        room = min(len(old) - start, len(new) - at) - length
        if same and room >= step:
            length += step
        else:
            step //= 2
    return before, length


def _blocks(data: Bytes, block: int) -> dict[int, int]:
    """Return the offset of each block by its hash; of equal ones the first."""
    offsets = np.arange(0, len(data) - block + 1, block)
    if not len(offsets):
        return {}
    hashes = data[: offsets[-1] + block].reshape(-1, block).astype(np.uint64) @ _powers(block)
    return dict(zip(hashes[::-1].tolist(), offsets[::-1].tolist(), strict=True))


def _hits(data: Bytes, known: dict[int, int], block: int) -> Iterator[tuple[int, int]]:
    """Yield offsets of the new file whose window has the hash of a block, ascending."""
    if not known:
        return
    wanted = np.fromiter(known, np.uint64, len(known))
    wanted.sort()
    for begin in range(0, len(data) - block + 1, _SEGMENT):
        part = data[begin : begin + _SEGMENT + block - 1].astype(np.uint64)
        hashes = _windows(part, block)
        places = np.searchsorted(wanted, hashes)
        found = np.flatnonzero(wanted[np.minimum(places, len(wanted) - 1)] == hashes)
        for at in found.tolist():
            yield begin + at, int(hashes[at])


def _windows(data: NDArray[np.uint64], block: int) -> NDArray[np.uint64]:
    """Return the hash of every window: sum of data[i + j] * base**j."""
    powers = _powers(len(data) + 1)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(data * powers[:-1], dtype=np.uint64)])
    inverse = _powers(len(data) + 1, pow(_BASE, -1, 1 << 64))
    count = len(data) - block + 1
    return np.asarray((sums[block:] - sums[:count]) * inverse[:count], dtype=np.uint64)


def _powers(count: int, base: int = _BASE) -> NDArray[np.uint64]:
    factors = np.full(count, base, np.uint64)
    factors[0] = 1
    return np.asarray(np.multiply.accumulate(factors), dtype=np.uint64)
