"""Writes Mosquitto's password file: set_passwords.py FILE --check|--write.

Who may log in comes on standard input: [{"name": ..., "password": ...}, ...]. A line whose password
is right stays as it is, so that nothing changes where nothing changed; every other is made anew.
The lines are those of mosquitto_passwd: name:$7$ITERATIONS$SALT$PBKDF2-HMAC-SHA512, both in base64.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

ITERATIONS = 1000
"""Ten times mosquitto_passwd's. The broker reckons them at each login, and a fleet may come all at once."""


def main(file: Path, mode: str) -> None:
    """Print whether the file is as it should be, and make it so unless we only look."""
    wanted = json.load(sys.stdin)
    if bad := [user["name"] for user in wanted if not user["name"] or set(user["name"]) & set(":\n")]:
        sys.exit(f"not the name of a user: {bad}")
    was = read(file)
    lines = [
        f"{user['name']}:{secret_for(user['password'], (was or {}).get(user['name'], ''))}\n"
        for user in wanted
    ]
    if was is not None and lines == [f"{name}:{secret}\n" for name, secret in was.items()]:
        print("as they were")
        return
    if mode == "--write":
        write(file, lines)
    print("changed")


def read(file: Path) -> dict[str, str] | None:
    """Return name to secret; None where there is no file."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return dict(line.split(":", 1) for line in text.split("\n") if ":" in line)


def write(file: Path, lines: list[str]) -> None:
    """Replace the file at once; nobody but its owner ever reads it."""
    new = file.with_name(f"{file.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.writelines(lines)
        out.flush()
        os.fsync(out.fileno())
    with suppress(FileNotFoundError):
        owner = file.stat()
        os.chown(new, owner.st_uid, owner.st_gid)
    new.replace(file)


def secret_for(password: str, was: str) -> str:
    """Return what stands in the file for a password: what stood there, if it was made of this one."""
    parts = was.split("$")
    if len(parts) == 5 and parts[1] == "7" and parts[2] == str(ITERATIONS):
        right = derived(password, base64.b64decode(parts[3]))
        if hmac.compare_digest(right, parts[4]):
            return was
    salt = secrets.token_bytes(12)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${derived(password, salt)}"


def derived(password: str, salt: bytes) -> str:
    """Return the key in base64."""
    return base64.b64encode(hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)).decode()


main(Path(sys.argv[1]), sys.argv[2])
