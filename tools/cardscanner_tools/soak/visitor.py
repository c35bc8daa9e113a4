"""Somebody who has the page open: looks at everything, watches the live view, goes away without a word."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

_LOOKS = (
    "/",
    "/api/state",
    "/metrics",
    "/health/ready",
    "/health/live",
    "/api/scans?limit=50",
    "/api/sessions",
)
_PASSWORD = "as long as a soak"  # noqa: S105 - of an account that lives as long as the soak
_TIMEOUT_S = 10.0


class Visitor:
    """One browser. What fails while the page starts again is counted, not hidden."""

    def __init__(self, port: int, seed: int) -> None:
        self.answers: Counter[int] = Counter()
        self.away = 0
        """The page was not there: it starts again with each reload."""
        self.live_bytes = 0
        self._port = port
        self._chance = random.Random(seed)
        self._headers: dict[str, str] = {}

    def log_in(self) -> None:
        """Claim the scanner, as its owner at the box does."""
        code = self._ask("GET", "/claim-code").read().decode().strip()
        self._enter("/api/claim", {"code": code, "name": "soak", "password": _PASSWORD})

    def look(self) -> None:
        """Open one page after the other."""
        for path in _LOOKS:
            self._get(path)

    def watch(self) -> None:
        """Watch the live view for a while, sometimes too slowly for it, then hang up."""
        end_s, slow = time.monotonic() + self._chance.uniform(1.0, 5.0), self._chance.random() < 0.5
        self._follow("/live.mjpeg", end_s, 0.3 if slow else 0.0)

    def listen(self) -> None:
        """Follow what happens for a while, then hang up."""
        self._follow("/api/stream", time.monotonic() + self._chance.uniform(1.0, 5.0), 0.0)

    def _follow(self, path: str, end_s: float, pause_s: float) -> None:
        try:
            answer = self._ask("GET", path)
            while time.monotonic() < end_s and (part := answer.read1(65536)):
                self.live_bytes += len(part)
                time.sleep(pause_s)
            self.answers[answer.status] += 1
            answer.close()
        except (OSError, http.client.HTTPException):
            self.away += 1

    def _get(self, path: str) -> None:
        try:
            answer = self._ask("GET", path)
            answer.read()
            self.answers[answer.status] += 1
        except (OSError, http.client.HTTPException):
            self.away += 1

    def _enter(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self._ask("POST", path, json.dumps(body))
        cookie = answer.getheader("Set-Cookie") or ""
        said = json.loads(answer.read())
        self._headers = {"Cookie": cookie.split(";")[0], "X-CSRF-Token": str(said["csrf"])}

    def _ask(self, method: str, path: str, body: str | None = None) -> http.client.HTTPResponse:
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        link.request(method, path, body, {**headers, "Connection": "close"})
        return link.getresponse()
