"""The opencv backend: what was asked for, and what came."""

from __future__ import annotations

import pytest
from fake_cameras import mark_of, write_video

from cardscanner.capture import open_source
from cardscanner.capture.opencv import _check_fps, _kind_of, open_opencv
from cardscanner.capture.picture_size import check_size
from cardscanner.config import OpencvConfig
from cardscanner.errors import CameraLost


def config(device, **keys):
    return OpencvConfig(backend="opencv", device=device, **keys)


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        (0, "v4l2"),
        ("/dev/video2", "v4l2"),
        ("/dev/v4l/by-id/usb-cam", "v4l2"),
        ("rtsp://10.0.0.5/live", "stream"),
        ("http://cam/video.mjpg", "stream"),
        ("/srv/table.mp4", "file"),
    ],
)
def test_the_kind_of_a_device_follows_from_its_name(device, kind):
    assert _kind_of(device) == kind


def test_a_device_that_is_not_there_says_how_to_look_for_one():
    with pytest.raises(CameraLost, match=r"/dev/video63 cannot be opened; check the cable, `v4l2-ctl"):
        open_opencv(config("/dev/video63"))


def test_a_stream_that_nobody_serves_is_lost_and_its_login_is_hidden():
    with pytest.raises(CameraLost, match=r"rtsp://\(hidden\)@127\.0\.0\.1:9/live cannot be opened") as caught:
        open_opencv(config("rtsp://joe:p@ss@127.0.0.1:9/live"))
    assert "ss@" not in str(caught.value).replace("(hidden)@", "")


def test_a_size_that_was_stated_and_does_not_come_is_a_loss_that_gives_both(tmp_path):
    path = write_video(tmp_path / "v.avi", 3)
    with pytest.raises(CameraLost, match=r"camera\.width: 640 was asked for, but the camera gives 160 x 120"):
        open_source(config(str(path), width=640))


def test_the_default_size_is_no_demand_on_a_file(tmp_path):
    camera = open_opencv(config(str(write_video(tmp_path / "v.avi", 3))))
    assert (camera.width, camera.height) == (160, 120)
    camera.close()


def test_a_file_is_shown_in_order_and_its_end_is_a_loss(tmp_path):
    camera = open_opencv(config(str(write_video(tmp_path / "v.avi", 4, fps=200))))
    assert [mark_of(camera.grab()) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(CameraLost, match="at its end"):
        camera.grab()
    camera.close()


@pytest.mark.parametrize("asked", [(None, None), (640, None), (None, 480), (640, 480)])
def test_a_size_that_came_as_asked_is_fine(asked):
    check_size(asked, (640, 480))


@pytest.mark.parametrize(("asked", "key"), [((800, None), "width"), ((640, 600), "height")])
def test_the_wrong_side_is_named(asked, key):
    with pytest.raises(
        CameraLost, match=rf"camera\.{key}: \d+ was asked for, but the camera gives 640 x 480"
    ):
        check_size(asked, (640, 480))


@pytest.mark.parametrize(("asked", "came"), [(None, 5.0), (30, 30.0), (30, 29.97)])
def test_a_speed_that_came_as_asked_is_fine(asked, came):
    _check_fps(asked, came)


def test_a_camera_that_is_slower_than_asked_is_refused_with_its_speed():
    with pytest.raises(CameraLost, match=r"camera\.fps: 30 was asked for, but the camera gives 10"):
        _check_fps(30, 10.0)
