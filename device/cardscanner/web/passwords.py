"""Passwords: kept as scrypt hashes (RFC 7914), compared in constant time.

Cost as OWASP's password storage cheat sheet lists it for scrypt: N = 2^15, r = 8, p = 3, which takes 32 MiB.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import cache

from cardscanner.web.errors import WebRefused

SHORTEST = 10
LONGEST = 256
_N, _R, _P = 2**15, 8, 3
_MEMORY_BYTES = 64 * 2**20


def hashed(password: str) -> str:
    """Return ``scrypt$N$r$p$salt$hash`` of a password, with a fresh salt."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${_scrypt(password, salt, _N, _R, _P).hex()}"


def matches(password: str, kept: str) -> bool:
    """Tell whether a password is the one that was kept."""
    _, n, r, p, salt, wanted = kept.split("$")
    return hmac.compare_digest(
        _scrypt(password, bytes.fromhex(salt), int(n), int(r), int(p)), bytes.fromhex(wanted)
    )


def check_new(password: str) -> None:
    """Raise :class:`WebRefused` when a new password is too short or too long."""
    if len(password) < SHORTEST:
        raise WebRefused(422, "weak_password", f"a password needs at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise WebRefused(422, "weak_password", f"a password has at most {LONGEST} characters")


@cache
def nobodys() -> str:
    """Return what an unknown user's password is compared with, so that the answer takes as long."""
    return hashed(secrets.token_hex())


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    data = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(data, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY_BYTES, dklen=32)
