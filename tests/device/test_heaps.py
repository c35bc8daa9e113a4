"""However many threads have been, the C library has few heaps, and gives back what nobody uses."""

import subprocess
import sys

BUSY_THREADS = """
import threading
import numpy as np
from cardscanner.heaps import keep_heaps_few, return_memory
{first}
met = threading.Barrier(12)
def work():
    kept = [np.ones(3000) for _ in range(200)]  # 24 kB each: these come from a heap
    met.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
{last}
import ctypes
ctypes.CDLL(None).malloc_stats()
"""


def heaps_of_busy_threads(first="", last=""):
    """Return how many heaps glibc says it has."""
    code = BUSY_THREADS.format(first=first, last=last)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return done.stderr.count("Arena ")


def test_all_threads_share_two_heaps():
    assert heaps_of_busy_threads(first="keep_heaps_few()") == 2


def test_without_that_each_thread_has_its_own():
    assert heaps_of_busy_threads() > 2


def resident_mb(last):
    """Resident memory after much small use, seen by the process itself."""
    code = f"""
from cardscanner.heaps import return_memory
kept = [bytes(4000) for _ in range(30_000)]
last = bytes(4000)  # lies above them and keeps the heap's end where it is
del kept
{last}
print(int(open('/proc/self/statm').read().split()[1]) * 4096 / 2**20)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return float(done.stdout)


def test_free_memory_goes_back_to_the_kernel():
    assert resident_mb("return_memory()") < resident_mb("pass") - 50
