"""Recordings, read forwards: a video file or a folder of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from cardscanner.errors import InputError
from cardscanner.pictures import SUFFIXES, read_picture
from cardscanner.records import Picture

_FOLDER_FPS = 10.0


class Recording(Protocol):
    """Pictures one after the other."""

    fps: float | None
    """``None``: it does not say."""

    def next(self) -> Picture | None:
        """Return the next picture, ``None`` at the end; InputError when it cannot be read."""

    def skip(self, frames: int) -> int:
        """Pass over pictures; return how many there were, fewer than asked for only at the end."""

    def rewind(self) -> None:
        """Go back to the first picture."""

    def close(self) -> None:
        """Release the file; safe to call twice."""


def open_recording(path: Path) -> Recording:
    """Open a folder of pictures or a video file.

    Raises
    ------
    InputError
        Nothing there, a folder without pictures, or a file that is no video.
    """
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; camera.path names the recording")
    return _open_video(path)


def stated_fps(video: cv2.VideoCapture) -> float | None:
    """Return the speed that a file states, ``None`` when it states none or nonsense."""
    fps = video.get(cv2.CAP_PROP_FPS)
    return fps if 0 < fps < math.inf else None


class Folder:
    """Picture files in the order of their names."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.fps: float | None = _FOLDER_FPS
        self._files = files
        self._position = 0

    def next(self) -> Picture | None:
        """See :class:`Recording`."""
        if self._position >= len(self._files):
            return None
        self._position += 1
        return read_picture(self._files[self._position - 1])

    def skip(self, frames: int) -> int:
        """See :class:`Recording`."""
        skipped = min(frames, len(self._files) - self._position)
        self._position += skipped
        return skipped

    def rewind(self) -> None:
        """See :class:`Recording`."""
        self._position = 0

    def close(self) -> None:
        """Nothing is held open."""


class Video:
    """A video file."""

    def __init__(self, path: Path, video: cv2.VideoCapture) -> None:
        self.fps = stated_fps(video)
        self._path = path
        self._video = video

    def next(self) -> Picture | None:
        """See :class:`Recording`."""
        came, bgr = self._video.read()
        return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8) if came else None

    def skip(self, frames: int) -> int:
        """See :class:`Recording`."""
        for skipped in range(frames):
            if not self._video.grab():
                return skipped
        return frames

    def rewind(self) -> None:
        """See :class:`Recording`."""
        # Opened anew: seeking lands beside the first frame in some containers.
        self._video.release()
        self._video = _capture(self._path)

    def close(self) -> None:
        """See :class:`Recording`."""
        self._video.release()


def _open_folder(path: Path) -> Folder:
    files = sorted(
        each
        for each in path.iterdir()
        if each.suffix.lower() in SUFFIXES and not each.name.startswith(".") and each.is_file()
    )
    if not files:
        raise InputError(f"{path}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
    return Folder(files)


def _open_video(path: Path) -> Video:
    video = Video(path, _capture(path))
    if video.next() is None:
        video.close()
        raise InputError(
            f"{path}: holds no picture that can be decoded; record it again, or convert it with ffmpeg"
        )
    video.rewind()
    return video


def _capture(path: Path) -> cv2.VideoCapture:
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not video.isOpened():
        raise InputError(f"{path}: not a video that can be read; convert it with ffmpeg to MP4 (H.264)")
    return video
