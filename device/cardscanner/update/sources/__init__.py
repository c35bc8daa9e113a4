"""Where releases come from: a directory that any web server serves, or a folder that is mounted."""

from __future__ import annotations

from pathlib import Path

from cardscanner.config import UpdatesConfig
from cardscanner.update.sources.source import Source, Tell

__all__ = ["Source", "Tell", "open_source"]


def open_source(config: UpdatesConfig) -> Source:
    """Return the source of a configuration; nothing is asked of it yet."""
    match config.source:
        case address if "://" in address:
            from cardscanner.update.sources.web import WebSource

            return WebSource(address, config.timeout_s)
        case folder:
            from cardscanner.update.sources.folder import FolderSource

            return FolderSource(Path(folder))
