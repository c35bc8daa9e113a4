"""Recordings played as a camera."""

from __future__ import annotations

import shutil

import pytest
from fake_cameras import mark_of, shows_bars, write_pictures, write_video
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.capture.pace import Pace
from cardscanner.capture.replay import Replay, open_replay
from cardscanner.config import ReplayConfig
from cardscanner.errors import CameraLost, EndOfReplay, InputError

SECOND_NS = 1_000_000_000


class Sleeper:
    """Clock and sleep in one: sleeping moves the clock, so tests take no time."""

    def __init__(self) -> None:
        self.now_ns = 5 * SECOND_NS
        self.slept_s: list[float] = []

    def clock(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_ns += -(-int(seconds * 1e12) // 1000)

    def late(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class Counting:
    """A recording whose pictures are their own numbers; it remembers what was decoded."""

    def __init__(self, length: int) -> None:
        self.fps = 10.0
        self._length = length
        self._position = 0

    def next(self):
        if self._position == self._length:
            return None
        self._position += 1
        return self._position - 1

    def skip(self, frames):
        skipped = min(frames, self._length - self._position)
        self._position += skipped
        return skipped

    def rewind(self):
        self._position = 0

    def close(self):
        pass


@pytest.fixture
def sleeper():
    return Sleeper()


@pytest.fixture
def play(sleeper):
    replays = []

    def open_one(path, **keys):
        replays.append(
            open_replay(ReplayConfig(backend="replay", path=path, **keys), sleeper.clock, sleeper.sleep)
        )
        return replays[-1]

    yield open_one
    for each in replays:
        each.close()


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_unpaced_every_frame_comes_once_in_order_and_then_the_end(tmp_path, play, sleeper, kind):
    path = write_video(tmp_path / "v.avi", 12) if kind == "video" else write_pictures(tmp_path / "p", 12)
    replay = play(path, paced=False)
    frames = [replay.read(1) for _ in range(12)]
    assert [frame.seq for frame in frames] == list(range(12))
    assert [mark_of(frame.pixels) for frame in frames] == list(range(12))
    assert all(shows_bars(frame.pixels) for frame in frames)
    for _ in range(2):
        with pytest.raises(EndOfReplay, match="12 pictures"):
            replay.read(1)
    assert sleeper.slept_s == []


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_a_loop_starts_again_with_the_first_frame_and_seq_goes_on(tmp_path, play, kind):
    path = write_video(tmp_path / "v.avi", 5) if kind == "video" else write_pictures(tmp_path / "p", 5)
    replay = play(path, paced=False, loop=True)
    frames = [replay.read(1) for _ in range(12)]
    assert [mark_of(frame.pixels) for frame in frames] == [0, 1, 2, 3, 4] * 2 + [0, 1]
    assert [frame.seq for frame in frames] == list(range(12))


def test_paced_frames_come_at_the_recorded_speed_and_carry_their_due_time(tmp_path, play, sleeper):
    replay = play(write_video(tmp_path / "v.avi", 10, fps=25))
    start_ns = sleeper.now_ns
    frames = [replay.read(1) for _ in range(4)]
    assert [frame.captured_ns - start_ns for frame in frames] == [0, 40_000_000, 80_000_000, 120_000_000]
    assert sum(sleeper.slept_s) == pytest.approx(0.12, abs=1e-6)


def test_the_configured_speed_overrides_the_recorded_one(tmp_path, play, sleeper):
    replay = play(write_pictures(tmp_path / "p", 4), fps=4)
    start_ns = sleeper.now_ns
    assert [replay.read(1).captured_ns - start_ns for _ in range(3)] == [0, 250_000_000, 500_000_000]


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_a_late_reader_gets_the_frame_that_is_due_and_the_missed_ones_are_a_gap(
    tmp_path, play, sleeper, kind
):
    path = (
        write_video(tmp_path / "v.avi", 12, fps=10) if kind == "video" else write_pictures(tmp_path / "p", 12)
    )
    replay = play(path)
    assert replay.read(1).seq == 0
    sleeper.late(0.75)
    frame = replay.read(1)
    assert (frame.seq, mark_of(frame.pixels)) == (7, 7)
    sleeper.late(60)
    with pytest.raises(EndOfReplay):
        replay.read(1)


def test_a_reader_late_by_several_loops_gets_the_frame_that_is_due(tmp_path, play, sleeper):
    replay = play(write_video(tmp_path / "v.avi", 6, fps=10), loop=True)
    assert replay.read(1).seq == 0
    sleeper.late(3600.05)
    frame = replay.read(1)
    assert frame.seq == 36000
    assert mark_of(frame.pixels) == 36000 % 6


@settings(max_examples=60)
@given(st.integers(1, 40), st.lists(st.floats(0, 30), min_size=1, max_size=20))
def test_a_loop_shows_the_frame_that_its_number_says(length, pauses_s):
    sleeper = Sleeper()
    config = ReplayConfig(backend="replay", path="x", loop=True)
    replay = Replay(config, Counting(length), Pace(10, sleeper.clock), sleeper.clock, sleeper.sleep)
    last = -1
    for pause_s in pauses_s:
        frame = replay.read(1)
        assert frame.pixels == frame.seq % length
        assert frame.seq > last
        assert frame.captured_ns <= sleeper.now_ns
        last = frame.seq
        sleeper.late(pause_s)


def test_pictures_are_played_in_the_order_of_their_names_and_other_files_are_left_alone(tmp_path, play):
    folder = write_pictures(tmp_path / "p", 3)
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden.png").write_bytes(b"")
    shutil.move(folder / "0000.png", folder / "9.png")
    replay = play(folder, paced=False)
    assert [mark_of(replay.read(1).pixels) for _ in range(3)] == [1, 2, 0]


def test_a_missing_path_is_an_input_error(tmp_path, play):
    with pytest.raises(InputError, match="no such file or folder"):
        play(tmp_path / "absent")


def test_a_folder_without_pictures_is_an_input_error(tmp_path, play):
    (tmp_path / "readme.txt").write_text("x")
    with pytest.raises(InputError, match="no pictures in this folder"):
        play(tmp_path)


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 50], ids=["empty", "text"])
def test_a_file_that_is_no_video_is_an_input_error(tmp_path, play, content):
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"video\.mp4: not a video"):
        play(path)


def test_a_video_that_holds_only_its_header_is_an_input_error(tmp_path, play):
    path = write_video(tmp_path / "v.avi", 10)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"00dc")])
    with pytest.raises(InputError, match=r"v\.avi: (holds no picture|not a video)"):
        play(path)


def test_a_video_whose_index_was_never_written_is_an_input_error(tmp_path, play):
    path = write_video(tmp_path / "v.mp4", 30)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(InputError, match=r"v\.mp4: not a video"):
        play(path)


def test_one_unreadable_picture_in_a_folder_is_named(tmp_path, play):
    folder = write_pictures(tmp_path / "p", 3)
    (folder / "0001.png").write_bytes((folder / "0001.png").read_bytes()[:60])
    replay = play(folder, paced=False)
    replay.read(1)
    with pytest.raises(InputError, match=r"0001\.png"):
        replay.read(1)


def test_a_frame_that_is_not_due_within_the_timeout_is_a_loss_that_says_why(tmp_path, play, sleeper):
    replay = play(write_pictures(tmp_path / "p", 3), fps=0.5)
    replay.read(1)
    with pytest.raises(CameraLost, match="timeout_s must be longer"):
        replay.read(1)
    assert sum(sleeper.slept_s) == pytest.approx(1.0)
