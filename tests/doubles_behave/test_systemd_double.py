"""The double of python-systemd puts the same bytes on the wire as the real one, where that is installed."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

DOUBLES = Path(__file__).parents[1] / "doubles"
REAL = Path("/usr/lib/python3/dist-packages")
NOTIFYING = """
import os, sys
from systemd import daemon
for message in ("READY=1\\nSTATUS=scanning 20 °C", "WATCHDOG=1"):
    print(daemon.notify(message))
for address in ("/nowhere/at/all", "relative", ""):
    os.environ["NOTIFY_SOCKET"] = address
    try:
        print(daemon.notify("READY=1"))
    except OSError as error:
        print(error.errno)
del os.environ["NOTIFY_SOCKET"]
print(daemon.notify("READY=1"))
"""


def said_with(folder, tmp_path):
    address = f"@cardscanner-double-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + address[1:])
        ear.settimeout(5)
        child = subprocess.run(
            [sys.executable, "-c", NOTIFYING],
            env={**os.environ, "NOTIFY_SOCKET": address, "PYTHONPATH": str(folder)},
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return child.stdout, [ear.recv(4096), ear.recv(4096)]


def test_the_double_tells_what_it_is_told(tmp_path):
    assert said_with(DOUBLES, tmp_path) == (
        "True\nTrue\n2\n22\n22\nFalse\n",
        ["READY=1\nSTATUS=scanning 20 °C".encode(), b"WATCHDOG=1"],
    )


def test_the_real_one_says_the_same(tmp_path):
    if not list(REAL.glob(f"systemd/_daemon.cpython-{sys.version_info.major}{sys.version_info.minor}-*")):
        pytest.skip("python3-systemd for this Python is not installed")
    assert said_with(REAL, tmp_path) == said_with(DOUBLES, tmp_path)
