"""Locks: read as they are written, and those of the repository hold what the product needs."""

import string
import tomllib
from pathlib import Path

import pytest
from dist_products import ROOT
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cardscanner.errors import InputError
from cardscanner_tools.dist.lock import SOURCE_ONLY, Locked, read_lock, write_lock
from cardscanner_tools.dist.targets import LOCKS, SYSTEMS, Target, target_of

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}([-_.][a-z0-9]{1,4})?", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}(rc[0-9]|\.post[0-9])?", fullmatch=True)
HASHES = st.text(string.digits + "abcdef", min_size=64, max_size=64)
LINES = st.builds(Locked, NAMES, VERSIONS, st.frozensets(HASHES, min_size=1, max_size=3))


@given(locked=st.lists(LINES, unique_by=lambda each: each.key, max_size=5))
def test_a_lock_is_read_as_it_was_written(tmp_path_factory, locked):
    path = tmp_path_factory.mktemp("lock") / "lock.txt"
    write_lock(path, SYSTEMS[0], locked)
    assert read_lock(path) == sorted(locked, key=lambda each: each.key)


@pytest.mark.parametrize(
    "line", ["tqdm==4.70", "tqdm>=4 --hash=sha256:" + 64 * "a", "tqdm==4 --hash=md5:" + 64 * "a"]
)
def test_a_line_without_version_or_hash_is_refused(tmp_path, line):
    path = tmp_path / "lock.txt"
    path.write_text(f"# comment\n{line}\n")
    with pytest.raises(InputError, match="is not name==version with hashes"):
        read_lock(path)


def test_a_missing_lock_says_how_it_is_made(tmp_path):
    with pytest.raises(InputError, match="--relock"):
        read_lock(tmp_path / "none.txt")


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda each: each.release)
def test_the_repositorys_lock_has_all_that_the_product_needs_but_numpy(system):
    locked = {each.key: each for each in read_lock(Target(system, "aarch64").lock)}
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    limits = [line for line in (LOCKS / "box.txt").read_text().splitlines() if not line.startswith("#")]
    for need in map(Requirement, [*needs, *limits]):
        if need.name == "numpy":
            assert need.specifier.contains(system.numpy)
        else:
            assert need.specifier.contains(locked[canonicalize_name(need.name)].version), need
    assert "numpy" not in locked
    assert len(locked[SOURCE_ONLY].sha256) == 1
    assert all(len(each.sha256) in {1, 2} for each in locked.values())


def test_only_pythons_of_raspberry_pi_os_and_its_machines_are_targets():
    assert target_of("3.13", "x86_64").lock == Path(LOCKS / "cp313.txt")
    with pytest.raises(InputError, match=r"--python 3\.12: one of 3\.11 \(bookworm\), 3\.13 \(trixie\)"):
        target_of("3.12", "aarch64")
    with pytest.raises(InputError, match="--machine riscv64"):
        target_of("3.11", "riscv64")
