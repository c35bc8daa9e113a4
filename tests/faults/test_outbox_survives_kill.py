"""kill -9 in the middle of storing: every row whose ``put`` has returned is there."""

import random
import subprocess
import sys
import time
from pathlib import Path

from scans import open_outbox

CHILD = Path(__file__).parents[1] / "putting_child.py"
KILLS = 8


def committed_before_kill(folder, life_s):
    with (folder / "committed.txt").open("ab") as out:
        before = out.tell()
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(folder)], stdout=out, stderr=subprocess.PIPE
        )
        end_s = time.monotonic() + 20
        while (folder / "committed.txt").stat().st_size == before:
            assert child.poll() is None, child.stderr.read()
            assert time.monotonic() < end_s, "the child stores nothing"
            time.sleep(0.005)
        time.sleep(life_s)
        child.kill()
        child.communicate()


def test_every_row_that_was_committed_before_a_kill_is_there_and_no_number_is_used_twice(tmp_path):
    chance = random.Random(7)
    for _ in range(KILLS):
        committed_before_kill(tmp_path, chance.uniform(0.0, 0.3))
    lines = (tmp_path / "committed.txt").read_text(encoding="ascii").split("\n")[:-1]
    told = {int(seq): identity for seq, identity in (line.split(" ") for line in lines)}

    outbox = open_outbox(tmp_path)
    rows = {row.seq: row for row in outbox.pending(0, 10**6)}
    replaced, last_seq, latest_told = outbox.replaced, outbox.last_seq, max(told)
    outbox.close()

    assert replaced is None
    assert len(told) == len(lines) > KILLS
    assert [seq for seq in told if seq not in rows and seq % 10 != 0] == []
    assert all(rows[seq].id == told[seq] for seq in told if seq in rows)
    assert all(row.payload == row.id.encode() * 20 for row in rows.values())
    assert latest_told <= last_seq <= latest_told + KILLS
