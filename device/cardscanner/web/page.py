"""Opening the page for one run of the daemon."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from cardscanner.capture.health import CameraHealth
from cardscanner.control import CommandDesk, ControlRoom
from cardscanner.live import LiveView
from cardscanner.logs import OnlyHere
from cardscanner.manifest import ModelManifest
from cardscanner.probe import Probe
from cardscanner.reloading import check_tls
from cardscanner.web.accounts import Accounts
from cardscanner.web.logins import Logins
from cardscanner.web.room import WebRoom, web_folder
from cardscanner.web.server import serve_page

log = structlog.get_logger(__name__)


def open_page(
    control: ControlRoom,
    desk: CommandDesk,
    camera: CameraHealth,
    model: ModelManifest,
    live: LiveView,
    probe: Probe,
    stuck: Callable[[], list[str]],
) -> Callable[[threading.Event], None] | None:
    """Return the body of the web thread; ``None`` when the configuration wants no page.

    Raises
    ------
    ConfigError, CardscannerError
        Certificates cannot be used, accounts cannot be kept.
    """
    web = control.config.web
    if web is None:
        return None
    check_tls(web)
    folder = web_folder(control.config)
    accounts = Accounts.open(folder)
    if not accounts.claimed:
        log.warning(
            "nobody owns this scanner yet: open its page and enter the code",
            code=OnlyHere(accounts.claim_code()),
            port=web.port,
        )
    logins = Logins(folder, accounts)
    return serve_page(WebRoom(web, control, desk, camera, model, live, probe, stuck, accounts, logins))
