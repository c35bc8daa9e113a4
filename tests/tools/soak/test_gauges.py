"""The kernel's figures of a process are those of that process and of what it started."""

import os
import subprocess
import sys

from cardscanner_tools.soak.gauges import command_line, descendants, sample

CHILD = """
import subprocess, sys, threading
grandchild = subprocess.Popen([sys.executable, "-c", "print('up', flush=True); input()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
grandchild.stdout.readline()
files = [open("/dev/null") for _ in range(10)]
block = b"x" * 30_000_000
thread = threading.Thread(target=input)
thread.start()
print("up", flush=True)
thread.join()
grandchild.kill()
grandchild.wait()
"""


def test_memory_files_threads_and_children_of_a_process_are_counted():
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = sample(child.pid, 1.0)
        assert found is not None
        assert found.rss_mb > 35
        assert 14 <= found.fds <= 20
        assert found.threads == 2
        assert found.children == 1
        assert 3 < found.children_rss_mb < 30
        assert descendants(os.getpid())[0] == child.pid
        assert "input()" in command_line(descendants(child.pid)[0])
        child.communicate("\n", timeout=20)
    assert sample(child.pid, 2.0) is None
    assert command_line(child.pid) == ""
    assert descendants(child.pid) == []
