"""A disk that fills up (F11): photos stop first, then scans in the history, then delivered messages go."""

from __future__ import annotations

import os
import subprocess

import pytest
from histories import Keeping, keeping

from cardscanner.errors import OutboxFault

MIB = 2**20
PHOTO = os.urandom(4000)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 32 megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def leave_free(disk, size):
    """Fill the disk up to so many bytes."""
    state = os.statvfs(disk)
    with (disk / "ballast").open("ab", buffering=0) as ballast:
        ballast.write(bytes(state.f_bavail * state.f_frsize - size))


def look(kept: Keeping) -> None:
    kept.keeper.retry()
    kept.keeper.step(0)


def deliver_all(kept: Keeping) -> None:
    for row in kept.outbox.pending(0, 10_000):
        kept.outbox.delivered(row)
    kept.outbox.forget_delivered(now=True)


def scan_until_refused(kept: Keeping) -> int:
    """Store until the disk and all that can be let go are used up, as the scan thread tries again and again."""
    stored, refused = 0, 0
    while refused < 5:
        try:
            kept.scan(1, None)
        except OutboxFault:
            refused += 1
        else:
            stored += 1
    return stored


def test_photos_stop_first_then_the_history_then_delivered_messages_go_and_all_recovers(small_disk):
    with keeping(small_disk, keep_free=16 * MIB) as kept:
        kept.scan(1500, photo=None)
        deliver_all(kept)
        look(kept)
        (early,) = kept.scan(1, PHOTO)
        kept.history.write()
        assert kept.vitals.reasons == ()
        assert kept.history.entry(early).has_photo

        leave_free(small_disk, 12 * MIB)
        look(kept)
        (second,) = kept.scan(1, PHOTO)
        kept.history.write()
        assert kept.vitals.reasons == ("disk_low",)
        assert not kept.history.entry(second).has_photo
        assert kept.history.photo(early) == PHOTO

        leave_free(small_disk, 6 * MIB)
        before, stored = len(kept.outbox.held(1, 10_000)), kept.history.stored_scans
        look(kept)
        assert len(kept.outbox.held(1, 10_000)) < before
        late = kept.scan(100, PHOTO)
        look(kept)
        assert kept.history.stored_scans == stored
        assert [each.id for each in kept.history.page(None, 100)] == late[::-1]

        leave_free(small_disk, 0)
        for _ in range(10):
            look(kept)
        waiting = [row.seq for row in kept.outbox.pending(0, 10_000)]
        more = scan_until_refused(kept)
        assert more > 300
        now_waiting = [row.seq for row in kept.outbox.pending(0, 10_000)]
        assert now_waiting[: len(waiting)] == waiting
        assert len(now_waiting) == len(waiting) + more

        (small_disk / "ballast").unlink()
        look(kept)
        assert kept.vitals.reasons == ()
        assert kept.outbox.replaced is None
        (last,) = kept.scan(1, PHOTO)
        assert kept.history.entry(last).has_photo
        assert [row.seq for row in kept.outbox.pending(0, 10_000)][:-1] == now_waiting
        known = {entry.seq for entry in kept.history.export_rows(None)}
        assert set(now_waiting) <= known


def test_a_history_without_any_room_says_so_and_scans_go_on(small_disk):
    """The reserve is switched off: the file itself hits the end of the disk."""
    with keeping(small_disk, keep_free=0) as kept:
        kept.scan(5, PHOTO)
        kept.history.write()
        ids = kept.scan(80, PHOTO)
        leave_free(small_disk, 60_000)
        look(kept)
        assert kept.vitals.reasons == ("history",)
        assert len(kept.history.page(None, 1000)) >= 5
        (small_disk / "ballast").unlink()
        look(kept)
        assert kept.vitals.reasons == ()
        assert [each.id for each in kept.history.page(None, 80)] == ids[::-1]
        assert not list(small_disk.glob("*.damaged-*"))
