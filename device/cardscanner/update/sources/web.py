"""WebSource: a directory on a web server, read with GET and, after a break, with ranges (RFC 9110, 14)."""

from __future__ import annotations

import errno
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

from cardscanner import __version__
from cardscanner.errors import SourceAway, UpdateRefused
from cardscanner.update.sources.source import Tell

_CHUNK = 1 << 16
TRIES = 6
"""In a row without a single byte; a break after some bytes costs none of them."""
PATIENCE = 3
"""The whole of a small answer may take this many times the timeout, however slowly it drips."""
FIRST_PAUSE_S = 0.5
"""After the first of them; twice as long after each."""
_OUR_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class WebSource:
    """Reads below one address; only http and https, whatever a server redirects to."""

    def __init__(self, address: str, timeout_s: float, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._address = address.rstrip("/")
        self._timeout_s = timeout_s
        self._first_pause_s = first_pause_s
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler,
            urllib.request.HTTPHandler,
            urllib.request.HTTPSHandler,
            _StaysSafe,
            urllib.request.HTTPDefaultErrorHandler,
            urllib.request.HTTPErrorProcessor,
            urllib.request.UnknownHandler,
        ):
            self._opener.add_handler(handler())

    def read(self, path: str, most: int) -> bytes:
        """Return a small file."""
        for last in self._tries():
            try:
                with self._asked(path, 0) as (answer, _):
                    data = _within(answer, most + 1, time.monotonic() + PATIENCE * self._timeout_s)
            except SourceAway:
                if last:
                    raise
                continue
            if len(data) > most:
                raise UpdateRefused("bad_document", f"{self._url(path)} is longer than {most} bytes")
            return data
        raise SourceAway(f"{self._url(path)}: it does not answer")

    def fetch(self, path: str, size: int, into: Path, tell: Tell) -> None:
        """Download a file; after a break, only what is missing."""
        tries = self._tries()
        into.touch()
        while (before := into.stat().st_size) < size:
            try:
                self._go_on(path, size, into, tell)
            except SourceAway:
                if into.stat().st_size > before:
                    tries = self._tries()
                if next(tries, True):
                    raise

    def _go_on(self, path: str, size: int, into: Path, tell: Tell) -> None:
        """Append what one request brings."""
        have = into.stat().st_size
        with self._asked(path, have) as (answer, start), into.open("r+b") as file:
            self._check_size(answer, path, start, size)
            file.truncate(start)  # a server that knows no ranges begins again
            file.seek(start)
            for chunk in _chunks(answer, size - start):
                file.write(chunk)
                tell(len(chunk))
        if into.stat().st_size < size:
            raise SourceAway(f"{self._url(path)}: the connection ended early")

    def _check_size(self, answer: http.client.HTTPResponse, path: str, start: int, size: int) -> None:
        told = _RANGE.match(answer.headers.get("Content-Range", ""))
        length = answer.headers.get("Content-Length", "")
        total = int(told[2]) if told else start + int(length) if length.isdigit() else size
        if total != size:
            raise UpdateRefused(
                "truncated",
                f"{self._url(path)} has {total} bytes, the signed release says {size}: upload it again",
            )

    @contextmanager
    def _asked(self, path: str, have: int) -> Iterator[tuple[http.client.HTTPResponse, int]]:
        """Yield an answer, and the offset of its first byte; any trouble on the way is SourceAway."""
        url = self._url(path)
        headers = {"User-Agent": f"cardscanner/{__version__}", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - see __init__
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                told = _RANGE.match(answer.headers.get("Content-Range", ""))
                yield answer, int(told[1]) if answer.status == 206 and told else 0
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in {404, 410}:
                raise UpdateRefused("not_found", f"{url} does not exist") from error
            if error.code == 416:  # what we have is longer than the file
                raise UpdateRefused(
                    "truncated", f"{url} has no more than {have} bytes: upload it again"
                ) from error
            raise SourceAway(f"{url}: the server answers {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in _OUR_DISK:
                raise UpdateRefused("no_space", f"{url} cannot be stored: {error}") from error
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise SourceAway(f"{url} cannot be reached: {reason or type(error).__name__}") from error

    def _tries(self) -> Iterator[bool]:
        """Yield before each try whether it is the last, and pause between them."""
        for number in range(TRIES):
            if number:
                time.sleep(self._first_pause_s * 2 ** (number - 1))
            yield number == TRIES - 1

    def _url(self, path: str) -> str:
        return f"{self._address}/{quote(path)}"


def _within(answer: http.client.HTTPResponse, most: int, end_s: float) -> bytes:
    """Read at most so many bytes, until a deadline."""
    data = bytearray()
    while len(data) < most and (chunk := answer.read1(min(_CHUNK, most - len(data)))):
        data += chunk
        if time.monotonic() > end_s:
            raise TimeoutError("the answer takes too long")
    return bytes(data)


class _StaysSafe(urllib.request.HTTPRedirectHandler):
    """Follows a redirection, but not from https to what can be read on the way."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the next request."""
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.scheme != "https" and (after.scheme, after.hostname) != (before.scheme, before.hostname):
            raise urllib.error.URLError(f"redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _chunks(answer: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
    while most > 0 and (chunk := answer.read(min(_CHUNK, most))):
        most -= len(chunk)
        yield chunk
