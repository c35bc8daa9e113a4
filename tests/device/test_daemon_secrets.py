"""Passwords stay where they are: in no log line, in no message."""

from __future__ import annotations

import pytest
from brokers import Mosquitto, free_port
from daemons import Daemon, looping, mqtt
from small_scanner import small_scanner


@pytest.fixture
def scanner(tmp_path):
    return small_scanner(tmp_path / "scanner")


PASSWORD = "correct-horse-battery"


@pytest.mark.parametrize("known", [PASSWORD, "another"])
def test_no_password_is_ever_logged(scanner, tmp_path, known):
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    broker = Mosquitto(tmp_path / "broker", passwords={"box": known}).start()
    try:
        publish = mqtt(broker, username="box", password_file=str(tmp_path / "secret"))
        log = {"format": "json", "level": "debug"}
        with Daemon(scanner.config(camera=looping(), publish=publish, log=log)) as daemon:
            daemon.await_line("connected" if known == PASSWORD else "publishing is in trouble")
            assert daemon.stop() == 0, daemon.tail()
    finally:
        broker.stop()
    assert PASSWORD not in daemon.log.read_text()


def test_the_login_of_a_camera_is_never_logged(scanner):
    address = f"rtsp://admin:{PASSWORD}@127.0.0.1:{free_port()}/live"
    camera = {"backend": "opencv", "device": address, "timeout_s": 1, "retry_s": 0.3}
    with Daemon(scanner.config(camera=camera, log={"format": "json", "level": "debug"})) as daemon:
        daemon.await_line("camera is lost; trying to open it again")
        assert daemon.stop() == 0, daemon.tail()
    assert PASSWORD not in daemon.log.read_text()


def test_a_mistake_beside_a_login_does_not_print_it(scanner):
    camera = {"backend": "opencv", "device": f"rtsp://admin:{PASSWORD}@camera/live", "fps": "fast"}
    with Daemon(scanner.config(camera=camera)) as daemon:
        assert daemon.end() == 78
    assert "camera.fps" in daemon.tail()
    assert PASSWORD not in daemon.log.read_text()
