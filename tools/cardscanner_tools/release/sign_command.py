r"""Make a signed release of a database, a model or a program, in a folder that any web server serves.

A database or model is tried out first: what share of known pictures it recognises is measured, and the floor
that every box will hold it to is signed with it. Against the version before, patches are made: a box that has
that version downloads what is new and nothing else. Afterwards `release-index` makes it known.

Examples
--------
  cardscanner-tools release-sign db/mine --into site --key keys/release.key --password-file password.txt
  cardscanner-tools release-sign models/cardnet/0.3.0 --into site --key keys/release.key --database db/mine
  cardscanner-tools release-sign dist/wheelhouse --into site --key keys/release.key --version 1.5.0 \\
      --python 3.11 --machine aarch64
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cardscanner.shipped import shipped_database, shipped_model
from cardscanner_tools.release.bundle import About, Source, find_source, self_test_of, write_release
from cardscanner_tools.release.key_command import password_in
from cardscanner_tools.release.secret_key import SecretKey, read_key


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="the database, the model, or the wheelhouse")
    parser.add_argument(
        "--into", type=Path, required=True, metavar="SITE", help="folder that the server serves"
    )
    add_key(parser)
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="of a database: its model (the shipped one)"
    )
    parser.add_argument(
        "--database", type=Path, metavar="DIR", help="of a model: a database of it (the shipped demo)"
    )
    parser.add_argument("--probes", type=Path, metavar="DIR", help="pictures to test with, named by card id")
    parser.add_argument(
        "--floor", type=float, metavar="SHARE", help="least share recognised (measured - 0.15)"
    )
    parser.add_argument("--notes", default="", help="a line for people, up to 255 characters")
    parser.add_argument("--page", metavar="URL", help="https:// address where people read more")
    parser.add_argument("--patches", type=int, default=1, metavar="N", help="for the N versions before (1)")
    parser.add_argument("--name", help="of a program (cardscanner)")
    parser.add_argument("--version", help="of a program")
    parser.add_argument("--python", action="append", default=[], metavar="X.Y", help="of a program: runs on")
    parser.add_argument("--machine", metavar="ARCH", help="of a program: as uname -m says it, aarch64")


def add_key(parser: argparse.ArgumentParser) -> None:
    """Add what says who signs."""
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="secret key (release-key)")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="its first line decrypts the key")


def key_of(arguments: argparse.Namespace) -> SecretKey:
    """Return the key that the options name."""
    password = None if arguments.password_file is None else password_in(arguments.password_file)
    return read_key(arguments.key, password)


def run(arguments: argparse.Namespace) -> int:
    """Try, bundle, sign."""
    key = key_of(arguments)
    source = find_source(arguments.folder, arguments.name, arguments.version)
    test = None
    if source.kind != "program":
        test = self_test_of(source, _other(source, arguments), arguments.probes, arguments.floor)
        print(f"self-test: {test.measured:.1%} recognised here, at least {test.floor:.1%} on every box")
    about = About(arguments.notes, arguments.page, tuple(arguments.python), arguments.machine)
    folder = write_release(source, arguments.into, key, test, about, arguments.patches)
    whole = sum(path.stat().st_size for path in source.files.values())
    patches = sum(path.stat().st_size for path in folder.glob("patches/*"))
    print(f"{folder}: {source.kind} {source.name} {source.version}, {whole / 2**20:.1f} MiB", end="")
    print(f", {patches / 2**20:.2f} MiB of patches" if patches else "")
    print("make it known with release-index")
    return 0


def _other(source: Source, arguments: argparse.Namespace) -> Path:
    other: Path | None = arguments.database if source.kind == "model" else arguments.model
    if other is not None:
        return other
    return shipped_database() if source.kind == "model" else shipped_model()
