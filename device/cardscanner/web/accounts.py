"""Accounts: who may see the page and who may change things; the first one is claimed with a code.

One small file, read again whenever somebody else has changed it (``cardscanner account``).
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog

from cardscanner.errors import CardscannerError
from cardscanner.files import write_json
from cardscanner.web.errors import WebRefused
from cardscanner.web.passwords import check_new, hashed, matches, nobodys

log = structlog.get_logger(__name__)

Role = Literal["viewer", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "admin")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,31}")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that look alike."""
_CODE_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Account:
    """One person, or one screen on a wall."""

    name: str
    role: Role
    password: str
    """As :func:`cardscanner.web.passwords.hashed` gives it."""


def accounts_file(folder: Path) -> Path:
    """Return where the accounts of a folder are written."""
    return folder / "accounts.json"


class Accounts:
    """Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._path = accounts_file(folder)
        self._code_path = folder / "claim-code"
        self._lock = threading.RLock()
        self._signature: tuple[int, int, int] | None = None
        self._accounts: dict[str, Account] = {}

    @classmethod
    def open(cls, folder: Path) -> Accounts:
        """Open the folder, or make it.

        Raises
        ------
        CardscannerError
            It cannot be made, or the file in it is damaged; the message says what to do.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise CardscannerError(
                f"{folder}: accounts cannot be kept here: {error}; "
                "set web.folder to a folder that can be written"
            ) from error
        accounts = cls(folder)
        accounts.listed()
        return accounts

    @property
    def claimed(self) -> bool:
        """Whether there is anybody yet."""
        return bool(self.listed())

    def listed(self) -> list[Account]:
        """Return all accounts, by name."""
        with self._lock:
            self._read()
            return sorted(self._accounts.values(), key=lambda each: each.name)

    def find(self, name: str) -> Account | None:
        """Return one account."""
        with self._lock:
            self._read()
            return self._accounts.get(name)

    def claim_code(self) -> str:
        """Return the code that makes the first account; it stays the same until it is used."""
        with self._lock:
            if self._code_path.is_file():
                code = self._code_path.read_text(encoding="ascii", errors="replace").strip()
                if len(code) == _CODE_LENGTH:
                    return code
            code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
            self._code_path.touch(mode=0o600)
            self._code_path.write_text(code + "\n", encoding="ascii")
            self._hand_over(self._code_path)
            return code

    def claim(self, code: str, name: str, password: str) -> Account:
        """Make the first account, an admin.

        Raises
        ------
        WebRefused
            409: somebody was first; 403: another code; 422: name or password cannot be used.
        """
        with self._lock:
            if self.claimed:
                raise WebRefused(409, "claimed", "this scanner has an owner already: log in")
            given = code.strip().upper().replace("-", "").replace(" ", "")
            if not hmac.compare_digest(given.encode(), self.claim_code().encode()):
                raise WebRefused(403, "wrong_code", "this is not the code; it is printed in the log")
            account = self.add(name, password, "admin")
            self._code_path.unlink(missing_ok=True)
            return account

    def login(self, name: str, password: str) -> Account:
        """Return whose name and password these are; an unknown name takes as long as a wrong password.

        Raises
        ------
        WebRefused
            401, with the same words for both.
        """
        account = self.find(name)
        if (
            not matches(password[:1024], nobodys() if account is None else account.password)
            or account is None
        ):
            raise WebRefused(401, "wrong_login", "name or password is wrong")
        return account

    def add(self, name: str, password: str, role: Role) -> Account:
        """Make an account.

        Raises
        ------
        WebRefused
            409: the name is taken; 422: name, password or role cannot be used.
        """
        if not _NAME.fullmatch(name):
            raise WebRefused(422, "bad_name", "a name has 1 to 32 letters, digits and . _ @ -")
        if role not in ROLES:
            raise WebRefused(422, "bad_role", f"a role is one of {', '.join(ROLES)}")
        check_new(password)
        account = Account(name, role, hashed(password))
        with self._lock:
            if self.find(name) is not None:
                raise WebRefused(409, "taken", f"there is an account {name!r} already")
            self._write(self._accounts | {name: account})
        return account

    def change_password(self, name: str, password: str) -> Account:
        """Give an account another password; 404 when there is none, 422 when it cannot be used."""
        check_new(password)
        with self._lock:
            before = self._found(name)
            after = Account(name, before.role, hashed(password))
            self._write(self._accounts | {name: after})
        return after

    def remove(self, name: str) -> None:
        """Remove an account; the last admin stays (409)."""
        with self._lock:
            self._found(name)
            rest = {key: each for key, each in self._accounts.items() if key != name}
            if not any(each.role == "admin" for each in rest.values()):
                raise WebRefused(409, "last_admin", "somebody has to stay admin; make another one first")
            self._write(rest)

    def reset(self) -> None:
        """Remove every account: the scanner can be claimed again."""
        with self._lock:
            self._write({})

    def _found(self, name: str) -> Account:
        account = self.find(name)
        if account is None:
            raise WebRefused(404, "not_found", f"there is no account {name!r}")
        return account

    def _write(self, accounts: dict[str, Account]) -> None:
        document = [
            {"name": each.name, "role": each.role, "password": each.password} for each in accounts.values()
        ]
        write_json(self._path, {"v": 1, "accounts": document}, mode=0o600)
        self._hand_over(self._path)
        self._read()

    def _hand_over(self, path: Path) -> None:
        """What root writes for the scanner belongs to the scanner, as the folder does."""
        owner = path.parent.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(path, owner.st_uid, owner.st_gid)

    def _read(self) -> None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._accounts, self._signature = {}, None
            return
        signature = (found.st_ino, found.st_mtime_ns, found.st_size)
        if signature != self._signature:
            self._accounts, self._signature = self._parsed(), signature

    def _parsed(self) -> dict[str, Account]:
        try:
            document: Any = json.loads(self._path.read_text(encoding="utf-8"))
            listed = [
                Account(str(each["name"]), each["role"], str(each["password"]))
                for each in document["accounts"]
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise CardscannerError(
                f"{self._path}: the accounts cannot be read ({error}); "
                "`cardscanner account reset` begins anew, with a new claim code in the log"
            ) from error
        return {each.name: each for each in listed}
