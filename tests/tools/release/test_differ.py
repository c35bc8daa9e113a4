"""Patches: whatever two files are, the new one comes out; and what they share does not travel."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardscanner.errors import UpdateRefused
from cardscanner.update.patch import MAGIC, apply_patch, write_patch
from cardscanner_tools.release.differ import difference

PIECES = st.lists(
    st.sampled_from([b"", b"a" * 40, b"ab" * 20, bytes(range(64)), b"\0" * 100, b"xyz"]), max_size=12
)


def patched(folder, old, new, block=16):
    """Make a patch, apply it, and return its size."""
    (folder / "old").write_bytes(old)
    with (folder / "patch").open("wb") as out:
        write_patch(difference(old, new, block), out)
    apply_patch(folder / "old", folder / "patch", folder / "new", len(new))
    assert (folder / "new").read_bytes() == new
    return (folder / "patch").stat().st_size


@given(PIECES.map(b"".join) | st.binary(max_size=400), PIECES.map(b"".join) | st.binary(max_size=400))
def test_the_new_file_always_comes_out(tmp_path_factory, old, new):
    patched(tmp_path_factory.mktemp("patch"), old, new)


def test_only_what_is_new_travels(tmp_path):
    chance = random.Random(1)
    old = chance.randbytes(200_000)
    new = old[:60_000] + chance.randbytes(700) + old[60_000:150_001] + old[160_000:] + b"end"
    assert patched(tmp_path, old, new, 512) < 900


@given(st.binary(max_size=200))
def test_nonsense_is_no_patch(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("patch")
    (folder / "old").write_bytes(b"old")
    for packed in (data, MAGIC + data):
        (folder / "patch").write_bytes(packed)
        with pytest.raises(UpdateRefused):
            apply_patch(folder / "old", folder / "patch", folder / "new", 10)


def test_a_patch_cannot_make_more_than_was_signed(tmp_path):
    (tmp_path / "old").write_bytes(b"old")
    packed = io.BytesIO()
    write_patch([b"x" * 5_000_000], packed)
    (tmp_path / "patch").write_bytes(packed.getvalue())
    with pytest.raises(UpdateRefused):
        apply_patch(tmp_path / "old", tmp_path / "patch", tmp_path / "new", 1000)
    assert (tmp_path / "new").stat().st_size <= 1001
