"""The page's server: uvicorn in a thread of the daemon.

Scanning is worth more than the page: a port that is taken is a state with recovery, and nothing here can end
the process but a mistake of ours.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from cardscanner.config import WebConfig
from cardscanner.web.app import make_app
from cardscanner.web.room import WebRoom

log = structlog.get_logger(__name__)

HEAD_WITHIN_S = 5.0
"""A browser sends its first line at once; what dangles longer only holds a place."""
MOST_CONNECTIONS = 256
SEND_BUFFER_BYTES = 128 * 1024
"""In the kernel, for each connection; without a bound it grows to megabytes, seconds of live view."""
DEAF_MS = 30_000
"""A connection ends when its other side takes nothing for so long."""
_AGAIN_S = 5.0
_BEAT_S = 0.25
_BACKLOG = 128


def serve_page(room: WebRoom) -> Callable[[threading.Event], None]:
    """Return the body of the web thread."""

    def serve(stopping: threading.Event) -> None:
        _quiet_uvicorn()
        app = make_app(room)
        while not stopping.is_set():
            listener = _listen(room, stopping)
            if listener is not None:
                with listener:
                    asyncio.run(_serve(_Server(_settings(room.web, app)), listener, room, stopping))

    return serve


def _listen(room: WebRoom, stopping: threading.Event) -> socket.socket | None:
    """Return a listening socket; ``None`` when the address cannot be had yet."""
    web = room.web
    try:
        family = socket.getaddrinfo(web.host, web.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((web.host, web.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        words = f"the page cannot be served on {web.host}:{web.port}: {error.strerror or error}"
        if room.vitals.enter("page", words):
            log.error(
                "the page is away; it is tried again", address=web.host, port=web.port, error=str(error)
            )
        _wait(room, stopping)
        return None
    _bound(listener)
    room.vitals.leave("page")
    log.info("the page is served", address=web.host, port=web.port, tls=web.tls is not None)
    return listener


def _bound(listener: socket.socket) -> None:
    """Bound what a browser that reads nothing costs: its connections take this over from the listener."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: ends connections whose other side takes nothing
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAF_MS)


def _wait(room: WebRoom, stopping: threading.Event) -> None:
    waited_s = 0.0
    while waited_s < _AGAIN_S and not stopping.wait(_BEAT_S):
        waited_s += _BEAT_S
        room.vitals.progress("web")


async def _serve(
    server: uvicorn.Server, listener: socket.socket, room: WebRoom, stopping: threading.Event
) -> None:
    """Serve until the stop; the event loop's own turns are the sign of life."""
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not serving.done():
        room.vitals.progress("web")
        if stopping.is_set():
            server.should_exit = True
        await asyncio.wait([serving], timeout=_BEAT_S)
    with suppress(asyncio.CancelledError):
        await serving


class _Server(uvicorn.Server):
    """Without signals: they belong to the main thread."""

    def install_signal_handlers(self) -> None:
        """Take none."""


class _Impatient(H11Protocol):
    """Closes connections that do not say what they want; uvicorn itself would keep them for ever."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin_patience()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._begin_patience()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_patience()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._begin_patience()

    def _begin_patience(self) -> None:
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy or self.transport is None or self.transport.is_closing():
            self._end_patience()
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_WITHIN_S, self._lose_patience)

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if not self.transport.is_closing():
            self.transport.close()


def _settings(web: WebConfig, app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Impatient,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=16 * 1024,
        timeout_graceful_shutdown=1,
        ssl_certfile=None if web.tls is None else web.tls.cert_file,
        ssl_keyfile=None if web.tls is None else web.tls.key_file,
    )


class _Bridge(logging.Handler):
    """What uvicorn and asyncio have to say becomes a line of our log."""

    def emit(self, record: logging.LogRecord) -> None:
        words = " ".join(record.getMessage().split())[:500]
        log.warning("the page's server says", words=words, exc_info=record.exc_info or None)


def _quiet_uvicorn() -> None:
    for name in ("uvicorn", "uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [_Bridge(logging.WARNING)]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
