"""Write the signed index of every release in a folder, so that boxes find them.

Its serial number goes up by one each time: a box that has seen one takes no older one again. It expires,
so that nobody can show boxes an old one for ever: run this again well before (a timer does it), even when
nothing is new.

Examples
--------
  cardscanner-tools release-index --into site --key keys/release.key --password-file password.txt
  cardscanner-tools release-index --into site --key keys/release.key --days 30 --keep 5
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cardscanner.errors import InputError
from cardscanner.files import sha256_of
from cardscanner.update.release import INDEX, KINDS, RELEASE, SIGNATURE, Index, Listed, read_document
from cardscanner.update.release import read_kept as read_release
from cardscanner_tools.release.bundle import released, sign_document
from cardscanner_tools.release.secret_key import SecretKey
from cardscanner_tools.release.sign_command import add_key, key_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        "--into", type=Path, required=True, metavar="SITE", help="folder that the server serves"
    )
    add_key(parser)
    parser.add_argument("--days", type=int, default=90, metavar="N", help="until it expires (90)")
    parser.add_argument("--keep", type=int, metavar="N", help="delete all but the newest N releases of each")
    parser.add_argument(
        "--least-serial", type=int, default=1, metavar="N", help="after the last index was lost"
    )


def run(arguments: argparse.Namespace) -> int:
    """Look at every release, write the index, sign it."""
    site: Path = arguments.into
    index = write_index(
        site, key_of(arguments), days=arguments.days, keep=arguments.keep, least_serial=arguments.least_serial
    )
    print(
        f"{site / INDEX}: serial {index.serial}, {len(index.releases)} releases, "
        f"expires {index.expires:%Y-%m-%d}"
    )
    return 0


def write_index(
    site: Path, key: SecretKey, *, days: int = 90, keep: int | None = None, least_serial: int = 1
) -> Index:
    """Write and sign the index of all releases in a site.

    Raises
    ------
    InputError
        A release of it is not signed.
    """
    shelves = [shelf for kind in KINDS for shelf in sorted((site / kind).glob("*")) if shelf.is_dir()]
    if keep is not None:
        for shelf in shelves:
            for folder in released(shelf)[: -keep or None]:
                shutil.rmtree(folder)
    now = datetime.now(UTC)
    index = Index(
        serial=max(least_serial, _serial(site) + 1),
        created=now,
        expires=now + timedelta(days=days),
        releases=tuple(line for shelf in shelves for line in _lines(site, shelf)),
    )
    sign_document(site / INDEX, index.model_dump_json(indent=2).encode(), key, f"index {index.serial}")
    return index


def _serial(site: Path) -> int:
    path = site / INDEX
    return read_document(path.read_bytes(), Index, str(path)).serial if path.is_file() else 0


def _lines(site: Path, shelf: Path) -> Iterator[Listed]:
    for folder in released(shelf):
        release = read_release(folder)
        path = folder / RELEASE
        if release is None or not path.with_name(RELEASE + SIGNATURE).is_file():
            raise InputError(f"{folder} is not signed: delete it, or sign it again")
        yield Listed(
            kind=release.kind,
            name=release.name,
            version=release.version,
            path=folder.relative_to(site).as_posix(),
            sha256=sha256_of(path),
            size=path.stat().st_size,
            notes=release.notes,
            page=release.page,
        )
