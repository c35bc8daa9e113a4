"""The camera process: whatever happens to it or to us, there is a clear loss and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fake_cameras import HttpCamera, children_of, is_gone

from cardscanner.capture import open_source
from cardscanner.capture.process import start_camera
from cardscanner.config import OpencvConfig
from cardscanner.errors import CameraLost


def read_until_lost(source, timeout_s=0.6):
    """Read until the loss; return how long the last read took, and the message."""
    while True:
        start_s = time.monotonic()
        try:
            source.read(timeout_s)
        except CameraLost as error:
            return time.monotonic() - start_s, str(error)


def wait_until(condition, timeout_s=5.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.02)


def open_file_count():
    return len(list(Path("/proc/self/fd").iterdir()))


def memory_files(pid):
    """The shared frame memory that a process has open or mapped."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return [line for line in maps.splitlines() if "cardscanner-camera" in line]


def test_a_frozen_camera_is_lost_although_frames_keep_coming(steering, opened, pi_config):
    source = opened(pi_config())
    source.read(5)
    steering.set(stream="frozen")
    took_s, why = read_until_lost(source)
    assert "frozen" in why
    assert "bit for bit the same" in why
    assert took_s < 1.2


def test_pictures_that_are_black_without_any_noise_are_no_live_pictures(steering, opened, pi_config):
    source = opened(pi_config())
    source.read(5)
    steering.set(stream="black")
    assert "frozen" in read_until_lost(source)[1]


def test_a_camera_that_is_frozen_from_the_start_never_gives_a_frame(steering, opened, pi_config):
    steering.set(stream="frozen")
    source = opened(pi_config())
    with pytest.raises(CameraLost, match="frozen"):
        source.read(0.6)


def test_a_killed_camera_process_is_a_loss_at_once(steering, opened, pi_config):
    source = opened(pi_config())
    source.read(5)
    os.kill(source.pid, signal.SIGKILL)
    took_s, why = read_until_lost(source, timeout_s=30)
    assert took_s < 5
    assert "was killed" in why


def collect_greys(source, greys):
    while True:
        pixels = source.read(5).pixels
        assert pixels.min() == pixels.max()
        greys.add(int(pixels[0, 0, 0]))


def test_no_frame_is_torn_also_when_the_camera_process_is_killed_in_the_middle(steering, pi_config):
    # Every picture has one grey value, another one than the picture before: a torn frame shows two.
    steering.set(stream="flashing")
    greys = set()
    for delay_s in (0.0, 0.013, 0.031):
        source = open_source(pi_config(width=1280, height=720, fps=120))
        killer = threading.Timer(0.4 + delay_s, os.kill, (source.pid, signal.SIGKILL))
        killer.start()
        try:
            with pytest.raises(CameraLost, match="killed"):
                collect_greys(source, greys)
        finally:
            killer.join()
            source.close()
        assert is_gone(source.pid)
    assert len(greys) > 5


def test_a_vendor_failure_in_mid_stream_is_a_loss_with_its_words(steering, opened, pi_config):
    source = opened(pi_config())
    source.read(5)
    steering.set(stream="failing")
    assert "failed to find buffer" in read_until_lost(source)[1]


def test_frames_that_nobody_wanted_are_a_gap_and_none_of_them_is_kept_for_later(steering, opened, pi_config):
    source = opened(pi_config())
    first = source.read(5)
    threading.Event().wait(0.5)
    asked_ns = time.monotonic_ns()
    second = source.read(5)
    assert second.seq > first.seq + 1
    assert second.captured_ns > asked_ns - 50_000_000  # one frame may be on its way while we ask


def test_stop_that_never_returns_costs_seconds_and_the_process_its_life(steering, opened, pi_config):
    source = opened(pi_config())
    source.read(5)
    steering.set(stop="hangs")
    start_s = time.monotonic()
    source.close()
    assert time.monotonic() - start_s < 4
    assert is_gone(source.pid)


def test_an_orderly_close_stops_and_closes_the_camera(steering, opened, pi_config):
    source = opened(pi_config())
    source.read(5)
    source.close()
    assert [call[0] for call in steering.calls()] == ["open", "configure", "stop", "close"]


def test_signals_for_the_daemon_do_not_end_the_camera_process(steering, opened, pi_config):
    source = opened(pi_config())
    os.kill(source.pid, signal.SIGTERM)
    os.kill(source.pid, signal.SIGINT)
    sent_ns = time.monotonic_ns()
    while source.read(5).captured_ns < sent_ns + 200_000_000:
        assert not is_gone(source.pid)


def test_a_camera_that_hangs_while_it_is_opened_is_given_up_and_killed(steering, pi_config):
    steering.set(start="hangs")
    with pytest.raises(CameraLost, match="did not open within 1 s"):
        start_camera(pi_config(), "cardscanner.capture.picamera", open_within_s=1)
    assert children_of(os.getpid()) == []


def test_a_camera_process_that_dies_of_an_unknown_error_says_where_to_look(
    steering, pi_config, tmp_path, monkeypatch
):
    (tmp_path / "picamera2.py").write_text("raise SystemError('the vendor broke')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    with pytest.raises(CameraLost, match="ended with status 1; its own words are in the log"):
        open_source(pi_config())


def test_opening_and_closing_leaks_neither_files_nor_processes_nor_memory(steering, pi_config):
    def open_read_close():
        source = open_source(pi_config())
        source.read(5)
        assert memory_files(os.getpid()) != []
        source.close()

    open_read_close()
    files = open_file_count()
    for _ in range(2):
        open_read_close()
    assert open_file_count() == files
    assert children_of(os.getpid()) == []
    assert memory_files(os.getpid()) == []


def test_a_failed_opening_leaks_neither_files_nor_processes(steering, pi_config):
    steering.set(camera="absent")
    files = open_file_count()
    with pytest.raises(CameraLost):
        open_source(pi_config())
    assert open_file_count() == files
    assert children_of(os.getpid()) == []


PARENT = """
import sys, time
from cardscanner.capture import open_source
from cardscanner.config import PicameraConfig

source = open_source(PicameraConfig(backend="picamera2", width=320, height=240, fps=30))
source.read(3)
print(source.pid, flush=True)
{then}
"""


def run_parent(then):
    return subprocess.Popen(
        [sys.executable, "-c", PARENT.format(then=then)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("stop", ["returns", "hangs"])
def test_a_daemon_killed_with_sigkill_leaves_no_process_and_no_shared_memory(steering, stop):
    with run_parent("time.sleep(60)") as parent:
        camera_pid = int(parent.stdout.readline())
        steering.set(stop=stop)
        # Memory without a name: the kernel frees it with its last user, there is nothing to leave behind.
        for pid in (parent.pid, camera_pid):
            assert any("/memfd:cardscanner-camera (deleted)" in line for line in memory_files(pid))
            assert "/dev/shm/" not in Path(f"/proc/{pid}/maps").read_text()
        parent.kill()
        wait_until(lambda: is_gone(camera_pid), timeout_s=3)
        errors = parent.stderr.read()
    assert errors == ""


def test_a_daemon_that_ends_without_closing_leaves_no_process_and_says_nothing_odd(steering):
    with run_parent("sys.exit(0)") as parent:
        camera_pid = int(parent.stdout.readline())
        errors = parent.stderr.read()
    wait_until(lambda: is_gone(camera_pid), timeout_s=3)
    assert "resource_tracker" not in errors
    assert "Traceback" not in errors


def test_what_the_vendor_prints_goes_to_the_log_and_its_module_stays_out_of_the_daemon(steering):
    steering.set(prints="hello from libcamera")
    with run_parent("source.close(); print('picamera2' in sys.modules)") as parent:
        lines = parent.stdout.read().splitlines()
        errors = parent.stderr.read()
    assert lines[1:] == ["False"]
    assert "hello from libcamera" in errors


def test_a_password_in_a_url_is_neither_in_the_error_nor_on_the_command_line():
    camera = HttpCamera()
    login = camera.url.replace("http://", "http://joe:secret@")
    source = open_source(OpencvConfig(backend="opencv", device=login + "?token=hush", timeout_s=1))
    try:
        assert b"secret" not in Path(f"/proc/{source.pid}/cmdline").read_bytes()
        camera.unplug()
        why = read_until_lost(source)[1]
    finally:
        source.close()
        camera.close()
    assert "127.0.0.1" in why
    assert "secret" not in why
    assert "hush" not in why
