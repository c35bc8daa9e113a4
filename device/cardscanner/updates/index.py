"""The index of versions: ``index.json`` in a folder, or below an ``https://`` address."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cardscanner import __version__
from cardscanner.errors import InputError, UpdateSourceAway

INDEX = "index.json"
MAX_BYTES = 1 << 20
"""An index is a list of a few lines; what is longer is no index."""
PATIENCE = 3
"""The whole answer may take this many times ``timeout_s``, however slowly it drips."""
_CHUNK = 1 << 14

Kind = Literal["database", "model", "daemon"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Release(_Strict):
    """One version of one thing; keys that are not known here are for newer scanners."""

    kind: Kind
    name: str = Field(min_length=1, max_length=100, description="as in its manifest; the daemon: cardscanner")
    version: str = Field(max_length=50, pattern=r"^[0-9]+(\.[0-9]+)*$", description="numbers with dots")
    summary: str | None = Field(default=None, max_length=255)
    page: str | None = Field(
        default=None, max_length=500, pattern=r"^https://", description="where to read more"
    )


class Index(_Strict):
    """The whole file."""

    format: Literal[1]
    releases: tuple[Release, ...] = Field(max_length=1000)


def read_index(source: str, timeout_s: float) -> Index:
    """Return the index of a source.

    Raises
    ------
    UpdateSourceAway
        It cannot be reached, or not in time: try again later.
    InputError
        What is there is no index.
    """
    place = f"{source.rstrip('/')}/{INDEX}"
    data = _fetch(place, timeout_s) if "://" in source else _read(Path(source) / INDEX)
    if len(data) > MAX_BYTES:
        raise InputError(f"{place}: larger than {MAX_BYTES} bytes: no index of versions")
    try:
        return Index.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{place}: no index of versions: {where}: {first['msg']}") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UpdateSourceAway(f"{path}: cannot be read: {error.strerror or error}") from error


def _fetch(address: str, timeout_s: float) -> bytes:
    request = urllib.request.Request(address, headers={"User-Agent": f"cardscanner/{__version__}"})  # noqa: S310 - the configuration allows https only
    opener = urllib.request.build_opener(_StaysSafe)
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return _within(answer, time.monotonic() + PATIENCE * timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        raise UpdateSourceAway(f"{address}: answered {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:  # URLError and TimeoutError are OSErrors
        reason = getattr(error, "reason", None) or error
        raise UpdateSourceAway(f"{address}: cannot be reached: {reason}") from error


def _within(answer: IO[bytes], end_s: float) -> bytes:
    data = bytearray()
    while len(data) <= MAX_BYTES and (chunk := answer.read1(_CHUNK)):  # type: ignore[attr-defined]
        data += chunk
        if time.monotonic() > end_s:
            raise TimeoutError("the answer takes too long")
    return bytes(data)


class _StaysSafe(urllib.request.HTTPRedirectHandler):
    """Follows a redirection, but not from https to something that can be read on the way."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.scheme != "https" and (after.scheme, after.hostname) != (before.scheme, before.hostname):
            raise urllib.error.URLError(f"redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
