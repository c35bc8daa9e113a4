"""Logins: who is logged in, by the hash of a random token that only the browser has.

They outlive a restart. The wall clock says when they end: a step of the clock can only end them too early, or
at most as much too late as it stepped back.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from cardscanner.files import write_json
from cardscanner.web.accounts import Accounts, Role

log = structlog.get_logger(__name__)

LIFE_S = 30 * 86400.0
"""A login ends after that, however busy it is ..."""
IDLE_S = 7 * 86400.0
"""... and when it was not used for that long."""
MOST = 500
"""Logins at a time; the longest unused go first."""
_NOTE_EVERY_S = 3600.0
"""How often the disk learns that a login is in use."""


@dataclass(frozen=True, slots=True)
class Login:
    """One browser that is logged in."""

    name: str
    csrf: str
    begun_s: float
    seen_s: float
    password: str
    """Fingerprint of the account's password: another password ends the login."""


@dataclass(frozen=True, slots=True)
class User:
    """Whose request this is."""

    name: str
    role: Role
    csrf: str
    key: str

    def may(self, role: Role) -> bool:
        """Tell whether this role is enough for what needs ``role``."""
        return role == "viewer" or self.role == "admin"


class Logins:
    """Safe to use from several threads."""

    def __init__(self, folder: Path, accounts: Accounts, clock_s: Callable[[], float] = time.time) -> None:
        self._path = folder / "logins.json"
        self._accounts = accounts
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._logins = self._stored()

    def begin(self, name: str) -> tuple[str, User]:
        """Log somebody in; return the token for the cookie, which is kept nowhere here."""
        token, now = secrets.token_urlsafe(32), self._clock_s()
        account = self._accounts.find(name)
        if account is None:
            raise KeyError(name)
        login = Login(name, secrets.token_urlsafe(24), now, now, _fingerprint(account.password))
        with self._lock:
            self._logins[_key(token)] = login
            self._store()
        return token, User(name, account.role, login.csrf, _key(token))

    def user(self, token: str | None) -> User | None:
        """Return who has this token, or ``None``."""
        if not token or len(token) > 128:
            return None
        key, now = _key(token), self._clock_s()
        with self._lock:
            login = self._logins.get(key)
            if login is None:
                return None
            account = self._accounts.find(login.name)
            if account is None or not self._counts(login, now, account.password):
                del self._logins[key]
                return None
            if now - login.seen_s > _NOTE_EVERY_S:
                self._logins[key] = replace(login, seen_s=now)
                self._store()
        return User(account.name, account.role, login.csrf, key)

    def end(self, user: User) -> None:
        """Log a browser out."""
        with self._lock:
            self._logins.pop(user.key, None)
            self._store()

    def end_all_of(self, name: str, but: str | None = None) -> None:
        """Log every browser of an account out, ``but`` one."""
        with self._lock:
            self._logins = {
                key: each for key, each in self._logins.items() if each.name != name or key == but
            }
            self._store()

    def keep(self, user: User) -> None:
        """The account has another password, and this browser knew the old one: it stays."""
        account = self._accounts.find(user.name)
        with self._lock:
            if account is not None and user.key in self._logins:
                fresh = replace(self._logins[user.key], password=_fingerprint(account.password))
                self._logins[user.key] = fresh
                self._store()

    def _counts(self, login: Login, now: float, password: str) -> bool:
        fresh = now - login.begun_s < LIFE_S and now - login.seen_s < IDLE_S
        return fresh and hmac.compare_digest(login.password, _fingerprint(password))

    def _store(self) -> None:
        order = sorted(self._logins.items(), key=lambda each: each[1].seen_s)[-MOST:]
        self._logins = dict(order)
        document = {
            key: [each.name, each.csrf, each.begun_s, each.seen_s, each.password] for key, each in order
        }
        try:
            write_json(self._path, {"v": 1, "logins": document}, mode=0o600)
        except OSError as error:
            log.warning("logins cannot be kept; they end with this run", error=str(error))

    def _stored(self) -> dict[str, Login]:
        try:
            document: Any = json.loads(self._path.read_text(encoding="utf-8"))
            return {key: Login(*each) for key, each in document["logins"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("logins cannot be read; everybody has to log in again", error=str(error))
            return {}


def _key(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _fingerprint(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()[:32]
