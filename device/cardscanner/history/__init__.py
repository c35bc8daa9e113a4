"""What was scanned: kept on the disk with small photos, under a quota, for the page and for export."""

from __future__ import annotations

from cardscanner.history.entry import Counts, Entry, Session
from cardscanner.history.history import History

__all__ = ["Counts", "Entry", "History", "Session"]
