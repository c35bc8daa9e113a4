"""Make the key pair that signs releases, in minisign's format.

The public key goes to every box, into the folder that `updates.keys` names; the secret one stays on the
machine that signs and is never uploaded. A key made by `minisign -G` does as well.

Examples
--------
  cardscanner-tools release-key --out keys --password-file password.txt
  cardscanner-tools release-key --out keys --no-password        for a signing machine that is locked otherwise
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner_tools.release.secret_key import new_key, write_key


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for both files")
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument(
        "--password-file", type=Path, metavar="FILE", help="its first line encrypts the secret key"
    )
    how.add_argument("--no-password", action="store_true", help="do not encrypt the secret key")


def run(arguments: argparse.Namespace) -> int:
    """Write both files; an existing key is never replaced."""
    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "release.key"
    if secret.exists():
        raise InputError(f"{secret} exists: a lost key cannot be made again; choose another folder")
    key = new_key()
    write_key(key, secret, None if arguments.no_password else password_in(arguments.password_file))
    public = folder / f"release-{key.public.shown.lower()}.pub"
    with replacing(public) as temporary:
        temporary.write_text(
            key.public.to_text(f"cardscanner release key {key.public.shown}"), encoding="ascii"
        )
    print(f"{secret}: keep it secret, and keep a copy")
    print(f"{public}: for the folder updates.keys of every box")
    return 0


def password_in(path: Path) -> str:
    """Return the first line of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        raise InputError(f"{path}: its first line, the password, is empty")
    return lines[0]
