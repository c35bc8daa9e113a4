"""A disk that takes nothing: visible, nothing lost, and over as soon as there is room again."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from scans import FACTS, open_outbox, scan_event, store

from cardscanner.errors import OutboxFault
from cardscanner.publish.scan import store_scan

TESTS = Path(__file__).parents[1]


def test_a_file_that_may_not_grow_refuses_visibly_and_recovers(tmp_path):
    """Limit the file size of a child process: works without root, and is what a quota does."""
    script = textwrap.dedent(
        """
        import json, resource, sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        from scans import FACTS, open_outbox, scan_event, store
        from cardscanner.errors import OutboxFault
        from cardscanner.publish.scan import store_scan

        def room(size):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        outbox = open_outbox(Path(sys.argv[2]))
        stored = [stamp.seq for stamp in store(outbox, 5)]
        room(64 * 1024)
        faults = []
        while len(faults) < 3:
            try:
                stored.append(store_scan(outbox, scan_event(1), FACTS).seq)
            except OutboxFault as fault:
                faults.append(str(fault))
        readable = [row.seq for row in outbox.pending(0, 10**6)]
        room(resource.RLIM_INFINITY)
        after = store_scan(outbox, scan_event(2), FACTS).seq
        rows = [row.seq for row in outbox.pending(0, 10**6)]
        replaced = outbox.replaced
        outbox.close()
        print(json.dumps([stored, faults, readable, after, rows, replaced]))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(TESTS), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stored, faults, readable, after, rows, replaced = json.loads(done.stdout.splitlines()[-1])
    assert len(stored) > 5
    assert all("space" in fault and str(tmp_path) in fault for fault in faults)
    assert readable == stored
    assert after == stored[-1] + 1
    assert rows == [*stored, after]
    assert replaced is None


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root; the test above covers the rest without")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk):
    def write_until_full():
        with (disk / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    with pytest.raises(OSError, match="No space"):
        write_until_full()


def put_until_full(outbox):
    stored = []

    def put_on():
        while True:
            stored.append(store_scan(outbox, scan_event(1), FACTS).seq)

    with pytest.raises(OutboxFault, match="free space"):
        put_on()
    return stored


def test_on_a_full_disk_rows_wait_can_be_delivered_and_storing_recovers(small_disk):
    outbox = open_outbox(small_disk)
    first = [stamp.seq for stamp in store(outbox, 10)]
    fill(small_disk)
    stored = first + put_until_full(outbox)
    rows = outbox.pending(0, 10**4)
    assert [row.seq for row in rows] == stored
    outbox.delivered(rows[0])
    assert outbox.depth == len(stored) - 1

    (small_disk / "ballast").unlink()
    after = store_scan(outbox, scan_event(2), FACTS).seq
    outbox.forget_delivered(now=True)
    assert after == stored[-1] + 1
    assert [row.seq for row in outbox.pending(0, 10**4)] == [*stored[1:], after]
    assert outbox.replaced is None
    outbox.close()


def test_a_full_disk_at_the_start_is_a_fault_and_nothing_half_made_is_left(small_disk):
    fill(small_disk)
    with pytest.raises(OutboxFault, match="free space"):
        open_outbox(small_disk)
    (small_disk / "ballast").unlink()
    outbox = open_outbox(small_disk)
    assert (outbox.replaced, outbox.depth) == (None, 0)
    outbox.close()


def test_a_disk_that_turns_read_only_refuses_and_recovers(small_disk):
    outbox = open_outbox(small_disk)
    store(outbox, 3)
    outbox.close()  # a read-only remount needs that nobody writes just then
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OutboxFault, match="read-only"):
        open_outbox(small_disk)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    outbox = open_outbox(small_disk)
    assert store(outbox, 1)[0].seq == 4
    assert outbox.replaced is None
    outbox.close()
