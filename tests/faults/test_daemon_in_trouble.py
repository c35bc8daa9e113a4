"""The daemon's degraded states: said in ``state`` and in the log, nothing lost, over by themselves."""

import os
import resource
import signal
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest
from brokers import Mosquitto
from daemons import QUICK, Daemon, flip, looping, mqtt
from killing import heard_scans
from listeners import Listener
from scans import store
from small_scanner import photo, small_scanner

from cardscanner.config import OutboxConfig
from cardscanner.publish import Outbox


@pytest.fixture
def scanner(tmp_path):
    return small_scanner(tmp_path / "scanner", lie=4, empty=4)


@pytest.fixture
def broker(tmp_path):
    broker = Mosquitto(tmp_path / "broker").start()
    yield broker
    broker.stop()


def await_state(listener, reason=None):
    """Wait until the newest state names a reason, or no reason any more, and return it."""

    def newest():
        return next((each.json() for each in reversed(listener.heard("/state"))), {"reasons": ["starting"]})

    def fits(_heard):
        return reason in newest()["reasons"] if reason else newest()["reasons"] == []

    listener.wait_for(fits, 60)
    return newest()


def leave_no_room(daemon):
    """Let the process write no more into any file; reading goes on, as on a full disk."""
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def make_room(daemon):
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_full_disk_is_said_and_the_cards_decided_meanwhile_are_stored_when_there_is_room(scanner, broker):
    with Listener(broker.port) as listener:
        config = scanner.config(camera=looping(), publish=mqtt(broker), decide=QUICK)
        with Daemon(config) as daemon:
            daemon.await_line("card decided", count=5)
            leave_no_room(daemon)
            said = daemon.await_line("scans cannot be stored; they wait in memory")
            assert said["reason"] == "disk"
            assert str(scanner.outbox.parent) in said["error"]
            state = await_state(listener, reason="disk")
            assert state["lifecycle"] == "degraded"
            daemon.await_line("card decided", count=len(daemon.said("card decided")) + 3)
            make_room(daemon)
            daemon.await_line("scans are stored again")
            await_state(listener)
            assert daemon.stop() == 0, daemon.tail()
            listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
            numbers = [seq for _, seq, _ in heard_scans(listener)]
            assert len(listener.heard("/scan")) == len(daemon.said("card decided"))
    assert numbers == list(range(1, len(numbers) + 1))
    with closing(Outbox.open(OutboxConfig(path=scanner.outbox))) as outbox:
        assert (outbox.replaced, outbox.depth, outbox.last_seq) == (None, 0, len(numbers))


def test_cards_that_no_disk_took_before_the_end_are_named(scanner, broker):
    config = scanner.config(camera=looping(), publish=mqtt(broker), decide=QUICK)
    with Daemon(config) as daemon:
        daemon.await_line("card decided", count=5)
        leave_no_room(daemon)
        daemon.await_line("scans cannot be stored; they wait in memory")
        assert daemon.stop() == 0, daemon.tail()
    (lost,) = daemon.said("decided cards are lost: the disk did not take them before the end")
    with closing(Outbox.open(OutboxConfig(path=scanner.outbox))) as outbox:
        stored = outbox.last_seq - len(daemon.said("ready"))  # which is an event
        assert stored + len(lost["cards"]) == len(daemon.said("card decided"))


def test_a_broker_that_hangs_does_not_hold_up_the_end_and_loses_nothing(scanner, broker):
    config = scanner.config(camera=looping(), publish=mqtt(broker), decide=QUICK)
    with Daemon(config) as daemon:
        daemon.await_line("connected")
        daemon.await_line("card decided", count=2)
        broker.freeze()
        daemon.await_line("card decided", count=len(daemon.said("card decided")) + 2)
        assert daemon.stop() == 0, daemon.tail()
    broker.thaw()
    assert daemon.said("threads did not end in time") == []
    with closing(Outbox.open(OutboxConfig(path=scanner.outbox))) as outbox:
        assert outbox.last_seq == len(daemon.said("card decided")) + len(daemon.said("ready"))
        assert outbox.depth >= 2


CAMERA = {"backend": "opencv", "device": "live.avi", "fps": 5, "timeout_s": 1, "retry_s": 0.2}


def write_live(scanner, card):
    """Write what the live camera shows: a card that lies there for 12 s, again and again."""
    path = scanner.root / "new.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (640, 480))
    for seed in range(60):
        video.write(np.ascontiguousarray(photo(card, seed)[:, :, ::-1]))
    video.release()
    path.rename(scanner.root / "live.avi")


def camera_process_of(daemon):
    (child,) = Path(f"/proc/{daemon.pid}/task/{capture_thread(daemon)}/children").read_text().split()
    return int(child)


def capture_thread(daemon):
    """The thread that started the camera process."""
    tasks = Path(f"/proc/{daemon.pid}/task").iterdir()
    return next(task.name for task in tasks if (task / "children").read_text().strip())


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL])
def test_a_camera_that_hangs_or_dies_is_said_opened_again_and_scanned_again(scanner, broker, fault):
    write_live(scanner, 5)
    config = scanner.config(camera=CAMERA, publish=mqtt(broker))
    with Listener(broker.port) as listener, Daemon(config) as daemon:
        daemon.await_line("card decided")
        pid = camera_process_of(daemon)
        os.kill(pid, fault)
        daemon.await_line("camera is lost; trying to open it again")
        state = await_state(listener, reason="camera_lost")
        assert (state["lifecycle"], state["scanning"]) == ("degraded", False)
        assert state["camera"]["state"] == "lost"
        daemon.await_line("camera is back")
        state = await_state(listener)
        assert (state["lifecycle"], state["camera"]["state"]) == ("ready", "ok")
        assert not Path(f"/proc/{pid}").exists()
        assert daemon.stop() == 0, daemon.tail()
        listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
        scans = [each.json()["card"]["card_id"] for each in listener.heard("/scan")]
    assert scans == ["card-005"]  # it lay there all the time: neither a stale frame nor the gap made it new


def test_a_camera_that_is_not_there_at_the_start_is_a_state_and_is_scanned_once_it_comes(scanner, broker):
    config = scanner.config(camera=CAMERA, publish=mqtt(broker))
    with Listener(broker.port) as listener, Daemon(config) as daemon:
        daemon.await_line("camera is lost; trying to open it again")
        daemon.await_line("ready")
        await_state(listener, reason="camera_lost")
        write_live(scanner, 7)
        assert daemon.await_line("card decided")["card"] == "card-007"
        await_state(listener)
        assert daemon.stop() == 0, daemon.tail()


def test_a_damaged_outbox_begins_a_new_epoch_and_the_old_rows_are_kept(scanner, broker):
    with closing(Outbox.open(OutboxConfig(path=scanner.outbox))) as outbox:
        store(outbox, 20)
        old = outbox.epoch
    flip(scanner.outbox, at=0.9)
    damaged = scanner.outbox.read_bytes()
    with Listener(broker.port) as listener:
        with Daemon(scanner.config(publish=mqtt(broker))) as daemon:
            assert daemon.end() == 0, daemon.tail()
        listener.wait_for(lambda heard: heard[-1].payload == b"offline", 30)
        told = [each.json() for each in listener.heard() if each.topic.endswith(("/scan", "/event"))]
    (said,) = daemon.said("outbox was damaged and moved aside")
    assert Path(said["kept_as"]).read_bytes() == damaged
    assert [each["seq"] for each in told] == list(range(1, len(told) + 1))
    assert [each["event_type"] for each in told].count("match") == 3
    (changed,) = [each for each in told if each["event_type"] == "outbox_epoch_changed"]
    assert Path(changed["data"]["kept_as"]).read_bytes() == damaged
    assert old not in {each["epoch"] for each in told}
