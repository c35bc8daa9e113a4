"""Looking for newer versions: read an index, compare, leave the answer for the daemon.

Nothing is downloaded but the index, and nothing is installed.
"""

from cardscanner.updates.index import Index, Release, read_index
from cardscanner.updates.report import (
    Installed,
    News,
    Report,
    compare,
    is_newer,
    load_report,
    report_path,
    save_report,
)

__all__ = [
    "Index",
    "Installed",
    "News",
    "Release",
    "Report",
    "compare",
    "is_newer",
    "load_report",
    "read_index",
    "report_path",
    "save_report",
]
