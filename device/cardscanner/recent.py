"""The newest scans with their pictures, so that a person can say "it is this one" of an event.

One small file for each scan, named after the event's id; the oldest go. It is a convenience, not a record: it
is written without waiting for the disk and best lies in memory (``/run``), and when it cannot be written,
scanning goes on.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import structlog

from cardscanner.config import CorrectionsConfig
from cardscanner.records import Frame, Picture, ScanEvent
from cardscanner.rectify import card_picture

log = structlog.get_logger(__name__)

_SUFFIX = ".scan"
_TALLEST_PX = 448
"""Twice what the network sees."""
_QUALITY = 90


@dataclass(frozen=True, slots=True, eq=False)
class RecentScan:
    """What is kept of one event."""

    id: str
    decision: str
    candidates: tuple[str, ...]
    """Card ids, best first."""
    database: str
    picture: bytes | None
    """The card as JPEG; ``None`` when the deciding frame did not show it any more."""


class RecentScans:
    """Owned by the scan thread."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self._names: deque[str] = deque()
        self._refused = False

    def add(self, event_id: str, event: ScanEvent, database: str, picture: bytes | None) -> None:
        """Keep a scan, and let the oldest go; what the disk refuses is told once."""
        document = {
            "id": event_id,
            "decision": event.verdict.decision,
            "candidates": [each.card.card_id for each in event.verdict.candidates],
            "database": database,
            "picture": None if picture is None else base64.b64encode(picture).decode(),
        }
        try:
            if not self._names:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._names.extend(sorted(each.name for each in self._folder.glob(f"*{_SUFFIX}")))
            (self._folder / f"{event_id}{_SUFFIX}").write_text(json.dumps(document), encoding="utf-8")
            self._names.append(f"{event_id}{_SUFFIX}")
            while len(self._names) > self._keep:
                (self._folder / self._names.popleft()).unlink(missing_ok=True)
        except OSError as error:
            if not self._refused:
                log.warning("recent scans cannot be kept for corrections", error=str(error))
            self._refused = True
        else:
            if self._refused:
                log.info("recent scans are kept again")
            self._refused = False


def recent_scans(config: CorrectionsConfig) -> RecentScans | None:
    """Return where scans are kept, or ``None`` when nobody asked for that."""
    return None if config.recent is None else RecentScans(config.recent, config.keep)


def picture_of(event: ScanEvent, frame: Frame) -> bytes | None:
    """Return the card as the deciding frame shows it, as JPEG, or ``None``."""
    return _jpeg(card_picture(frame.pixels, event.corners, _TALLEST_PX)) if event.in_view else None


def read_recent(folder: Path, event_id: str) -> RecentScan | None:
    """Return a scan that is kept, or ``None``; one that was written only in part counts as not kept."""
    if not event_id.isalnum():
        return None
    try:
        found: Any = json.loads((folder / f"{event_id}{_SUFFIX}").read_text(encoding="utf-8"))
        return _scan(found)
    except (OSError, ValueError, KeyError, TypeError, binascii.Error):
        return None


def _scan(found: Mapping[str, Any]) -> RecentScan:
    picture = found["picture"]
    return RecentScan(
        str(found["id"]),
        str(found["decision"]),
        tuple(str(each) for each in found["candidates"]),
        str(found["database"]),
        None if picture is None else base64.b64decode(picture, validate=True),
    )


def _jpeg(picture: Picture) -> bytes:
    quality = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    encoded: Any = cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]), quality)[1]
    return bytes(encoded.tobytes())
