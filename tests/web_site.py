"""A static web server for tests: knows ranges, and cuts connections when it is told to."""

from __future__ import annotations

import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self


class WebSite:
    """Serves a folder on a free port while the block lasts."""

    def __init__(self, folder: Path, *, ranges: bool = True) -> None:
        self.folder = folder
        self.ranges = ranges
        self.cut_after: int | None = None
        """Close each connection after so many bytes of a file; ``None``: never."""
        self.redirect_to: str | None = None
        self.requests: list[tuple[str, str | None]] = []
        """Path and Range of each request."""
        self.sent = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/updates"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, site: WebSite, *arguments: object) -> None:
        self._site = site
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        site = self._site
        wanted = self.headers.get("Range")
        site.requests.append((self.path, wanted))
        if site.redirect_to is not None:
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", site.redirect_to)
            self.end_headers()
            return
        path = site.folder / self.path.removeprefix("/updates/").replace("%2B", "+")
        if not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        data = path.read_bytes()
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges else 0
        if start and start >= len(data):
            self.send_error(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            return
        self.send_response(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start:]
        if site.cut_after is not None and len(body) > site.cut_after:
            body = body[: site.cut_after]
            self.close_connection = True
        site.sent += len(body)
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
