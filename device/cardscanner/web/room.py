"""WebRoom: everything of a running scanner that the page may see and touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cardscanner.capture.health import CameraHealth
from cardscanner.config import Config, WebConfig
from cardscanner.control import CommandDesk, ControlRoom
from cardscanner.history import History
from cardscanner.live import LiveView
from cardscanner.manifest import ModelManifest
from cardscanner.probe import Probe
from cardscanner.publish import Facts
from cardscanner.recent_lines import RecentLines
from cardscanner.vitals import Vitals
from cardscanner.web.accounts import Accounts
from cardscanner.web.attempts import Attempts
from cardscanner.web.logins import Logins


@dataclass(slots=True)
class WebRoom:
    """Made once for each run with a configuration that has a page."""

    web: WebConfig
    control: ControlRoom
    desk: CommandDesk
    camera: CameraHealth
    model: ModelManifest
    live: LiveView
    probe: Probe
    stuck: Callable[[], list[str]]
    """Names what does not get on, see :class:`cardscanner.heart.Heart`."""
    accounts: Accounts
    logins: Logins
    attempts: Attempts = field(default_factory=Attempts)

    @property
    def config(self) -> Config:
        """The configuration of this run."""
        return self.control.config

    @property
    def config_path(self) -> Path:
        """Its file."""
        return self.control.config_path

    @property
    def history(self) -> History:
        """What was scanned."""
        return self.control.history

    @property
    def facts(self) -> Facts:
        """What the device tells about itself."""
        return self.control.facts

    @property
    def log(self) -> RecentLines:
        """The newest log lines."""
        return self.control.lines

    @property
    def vitals(self) -> Vitals:
        """How scanning is going."""
        return self.control.vitals


def web_folder(config: Config) -> Path:
    """Return where accounts and logins are kept."""
    if config.web is not None and config.web.folder is not None:
        return config.web.folder
    return config.outbox.path.parent / "web"
