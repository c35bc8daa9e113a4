"""What no log line may tell: secrets, and pictures that would only fill the disk.

Values are hidden by the name of their key, at any depth; in running text, by what secrets look like. Hiding
too much costs a word in a log, hiding too little costs a password.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

HIDDEN = "(hidden)"

_WORDS = (
    "password", "passwd", "passphrase", "secret", "token", "credential", "privatekey", "apikey", "signingkey",
    "authorization", "cookie", "csrf", "claimcode", "cardscannersession",
)  # fmt: skip
_SEPARATORS = re.compile(r"[^a-z0-9]+")
_DEEPEST = 20

_NAME = (
    r"(?:pass(?:word|wd|phrase)|secret|token|credential|private[_-]?key|api[_-]?key|signing[_-]?key"
    r"|authorization|cookie|csrf|claim[_ -]?code|cardscanner[_-]session)"
)
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\\"[^"\\]*\\"|[^\s,;&"'\\)\]}]+)"""
_IN_TEXT = (
    # -----BEGIN PRIVATE KEY----- to its end, or to the end of what is there of it
    (
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL),
        HIDDEN,
    ),
    # headers: everything to the end of the line or of the quotation
    (
        re.compile(
            r"""(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:token|key))(\\*["']?\s*[:=]\s*)"""
            r"""(?:\\*["'])?[^\r\n"'\\]+"""
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic|digest)\s+[A-Za-z0-9+/=_.~-]{6,}"), rf"\1 {HIDDEN}"),
    # password=..., "token": "...", but not password_file=...: that is a path
    (
        re.compile(
            rf"""(?i)((?<![a-z])[\w-]*{_NAME}(?![\w-]*_?(?:file|path)\b)[\w-]*\\*["']?\s*[:=]\s*){_VALUE}"""
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), HIDDEN),
    # user:password@ in an address
    (re.compile(r"""(?<=://)[^/\s"'\\]+(?=@)"""), HIDDEN),
    # pictures: base64 in one piece or in lines, bytes as Python writes them
    (re.compile(r"(?:[A-Za-z0-9+/]{40,76}(?:\r?\n|\\n)){3,}[A-Za-z0-9+/=]*"), "(base64)"),
    (re.compile(r"[A-Za-z0-9+/_-]{256,}={0,2}"), "(base64)"),
    (re.compile(r"""\bb(?:'(?:[^'\\]|\\.){48,}'|"(?:[^"\\]|\\.){48,}")"""), "(bytes)"),
)


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace what must not be told in every field of a line (a processor of structlog)."""
    return {key: value if key == "exc_info" else _clean(key, value, 0) for key, value in event.items()}


def hide_in_text(text: str) -> str:
    """Return the text without secrets, logins in addresses, and pictures written as text."""
    for pattern, instead in _IN_TEXT:
        text = pattern.sub(instead, text)
    return text


def is_secret(key: str) -> bool:
    """Whether a key sounds like something that nobody should read; the path of such a file may be read."""
    name = _SEPARATORS.sub("", key.lower())
    return any(word in name for word in _WORDS) and not name.endswith(("file", "path"))


def _clean(key: str, value: Any, depth: int) -> Any:  # noqa: PLR0911 - a list of cases
    if is_secret(key) or depth > _DEEPEST:
        return HIDDEN
    match value:
        case None | bool() | int():
            return value
        case bytes() | bytearray() | memoryview():
            return f"({len(value)} bytes)"
        case np.ndarray():
            return f"(array {value.shape} {value.dtype})"
        case np.generic():
            return _clean(key, value.item(), depth)
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {
                hide_in_text(str(inner)): _clean(str(inner), each, depth + 1) for inner, each in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_clean(key, each, depth + 1) for each in value]
        case _:
            return hide_in_text(str(value))
