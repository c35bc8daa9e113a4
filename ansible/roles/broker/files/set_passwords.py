"""Writes Mosquitto's password file: set_passwords.py FILE --check|--write, with [{"name": ..., "password": ...}] on standard input.

A line whose password is right stays as it is, so that nothing changes where nothing changed; every other is made anew. The lines are
those of mosquitto_passwd: name:$7$ITERATIONS$SALT$PBKDF2-HMAC-SHA512, both in base64.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys

ITERATIONS = 1000
"""Ten times mosquitto_passwd's. The broker reckons them for each login, and a fleet may log in all at once."""


def main(file, mode):
    """Print whether the file is as it should be, and make it so unless we only look."""
    wanted = json.load(sys.stdin)
    if bad := [user["name"] for user in wanted if not user["name"] or set(user["name"]) & set(":\n")]:
        sys.exit(f"not the name of a user: {bad}")
    was = read(file)
    kept = {user["name"]: (was or {}).get(user["name"], "") for user in wanted}
    lines = [
        f"{user['name']}:{kept[user['name']] if is_right(user['password'], kept[user['name']]) else hashed(user['password'])}\n"
        for user in wanted
    ]
    if was is not None and lines == [f"{name}:{secret}\n" for name, secret in was.items()]:
        print("as they were")
        return
    if mode == "--write":
        write(file, lines)
    print("changed")


def read(file):
    """Return name to secret; None where there is no file."""
    try:
        with open(file, encoding="utf-8") as lines:
            return dict(line.rstrip("\n").split(":", 1) for line in lines if ":" in line)
    except FileNotFoundError:
        return None


def write(file, lines):
    """Replace the file at once; nobody but its owner ever reads it."""
    new = f"{file}.new"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.writelines(lines)
        out.flush()
        os.fsync(out.fileno())
    try:
        owner = os.stat(file)
        os.chown(new, owner.st_uid, owner.st_gid)
    except FileNotFoundError:
        pass
    os.replace(new, file)


def hashed(password):
    """Return what stands in the file for a password."""
    salt = secrets.token_bytes(12)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${derived(password, salt, ITERATIONS)}"


def is_right(password, secret):
    """Tell whether that line's secret was made of this password, in our way."""
    parts = secret.split("$")
    if len(parts) != 5 or parts[1] != "7" or parts[2] != str(ITERATIONS):
        return False
    return hmac.compare_digest(derived(password, base64.b64decode(parts[3]), ITERATIONS), parts[4])


def derived(password, salt, iterations):
    """Return the key in base64."""
    return base64.b64encode(hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)).decode()


main(*sys.argv[1:])
