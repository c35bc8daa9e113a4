"""A signing workshop and a web site for tests, and a small scanner that takes its releases."""

from __future__ import annotations

import json
import shutil
import sqlite3
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from small_scanner import SmallScanner, small_scanner

from cardscanner.config import Config
from cardscanner.configfile import load_config
from cardscanner.files import write_json
from cardscanner.manifest import (
    MANIFEST,
    DatabaseManifest,
    describe_file,
    load_database_manifest,
    load_model_manifest,
    sealed_document,
)
from cardscanner.update.minisign import PublicKey
from cardscanner.update.plan import Wish
from cardscanner.update.release import INDEX, RELEASE, SIGNATURE, Index, Kind, Release, SelfTest
from cardscanner.update.releases import Releases, releases_of
from cardscanner.update.settling import kept
from cardscanner.update.updater import Updater
from cardscanner_tools.release import index_command
from cardscanner_tools.release.bundle import About, find_source, self_test_of, sign_document, write_release
from cardscanner_tools.release.secret_key import SecretKey, new_key, write_key

NOTHING = About()


class Workshop:
    """Signs releases of a small scanner's database and model into a site."""

    def __init__(self, root: Path, scanner: SmallScanner) -> None:
        self.site, self.work = root / "site", root / "work"
        self.key: SecretKey = new_key()
        self.scanner = scanner
        self.work.mkdir(parents=True)
        write_key(self.key, root / "release.key", None)
        self._key_file = root / "release.key"

    def database(
        self,
        version: str,
        *,
        poison: str = "",
        self_test: SelfTest | None = None,
        probes: Path | None = None,
        edit: Callable[[Path], Any] | None = None,
        patches: int = 1,
        about: About = NOTHING,
        **changes: Any,
    ) -> Path:
        """Sign a database; ``poison`` ``table`` gives every card the name of another one."""
        folder = self.work / f"db-{version}"
        shutil.copytree(self.scanner.database, folder)
        if poison == "table":
            rename_cards(folder)
        if edit is not None:
            edit(folder)
        redo_manifest(folder, version=version, **changes)
        source = find_source(folder)
        test = self_test or self_test_of(
            source, self.scanner.model, probes or self.scanner.root / "cards", None
        )
        for name in () if self_test is None else self_test.probes:
            source.files[name] = self.scanner.root / "cards" / f"{self_test.probes[name]}.png"
        return write_release(source, self.site, self.key, test, about, patches)

    def lying_probes(self) -> Path:
        """Return pictures that are named as a database calls them whose table is poisoned."""
        folder = self.work / "lies"
        folder.mkdir()
        cards = sorted((self.scanner.root / "cards").iterdir())
        for card, following in zip(cards, cards[1:] + cards[:1], strict=True):
            shutil.copy(card, folder / following.name)
        return folder

    def test_of_the_good(self) -> SelfTest:
        """What a database that is well has to reach."""
        source = find_source(self.scanner.database)
        test = self_test_of(source, self.scanner.model, self.scanner.root / "cards", None)
        assert test.measured > 0.9
        return test

    def model(self, version: str, folder: Path | None = None) -> Path:
        """Sign a model."""
        work = self.work / f"model-{version}"
        shutil.copytree(folder or self.scanner.model, work)
        manifest = load_model_manifest(work).model_copy(update={"version": version})
        write_json(work / MANIFEST, sealed_document(manifest))
        test = self.test_of_the_good()
        return write_release(
            find_source(work), self.site, self.key, test.model_copy(update={"probes": {}}), NOTHING
        )

    def index(self, days: int = 30, **options: Any) -> Index:
        """Sign the index of all."""
        arguments = {"into": self.site, "key": self._key_file, "password_file": None, "days": days}
        assert index_command.run(Namespace(**{"keep": None, "least_serial": 1, **arguments, **options})) == 0
        return Index.model_validate_json((self.site / INDEX).read_bytes())

    def sign_index(self, index: Index, key: SecretKey | None = None) -> None:
        """Put any index there, well signed."""
        sign_document(self.site / INDEX, index.model_dump_json().encode(), key or self.key, "index")

    def sign_release(self, folder: Path, key: SecretKey | None = None, **changes: Any) -> None:
        """Sign a release of the site again, with changes."""
        release = Release.model_validate_json((folder / RELEASE).read_bytes())
        document = json.loads(release.model_copy(update=changes).model_dump_json())
        sign_document(folder / RELEASE, json.dumps(document).encode(), key or self.key, "release")


class Box:
    """A small scanner whose database, and if wanted its model, come from releases."""

    def __init__(self, root: Path, workshop: Workshop, source: str | None = None, **sections: Any) -> None:
        self.scanner = SmallScanner(root)
        self.keys = root / "keys"
        self.keys.mkdir(parents=True)
        self.trust(workshop.key.public)
        updates = {"source": source or str(workshop.site), "keys": "keys", "timeout_s": 2}
        self.path = self.scanner.config(
            **{
                "index": {"database": "releases/database/current"},
                "embedder": {"backend": "onnx", "model": str(workshop.scanner.model), "threads": 1},
                "updates": updates,
                **sections,
            }
        )

    def trust(self, key: PublicKey) -> None:
        """Put a public key among those that count."""
        (self.keys / f"{key.shown}.pub").write_text(key.to_text())

    @property
    def config(self) -> Config:
        return load_config(self.path)

    @property
    def updater(self) -> Updater:
        return Updater(self.config)

    @property
    def releases(self) -> Releases:
        return releases_of(self.config)

    def put(self, kind: Kind = "database", version: str | None = None) -> None:
        """Install a version and call it good."""
        state = self.updater.install([Wish(kind, version)])
        assert state.change is not None
        assert kept(self.releases) != state.change.is_first

    def in_use(self) -> str | None:
        """Return the version of the database in use, after checking that it is whole."""
        current = self.releases.current("database")
        if not current.exists():
            return None
        manifest = load_database_manifest(current)
        for name, entry in manifest.files.items():
            assert describe_file(current / name) == entry
        assert manifest.version == self.releases.in_use("database")
        return manifest.version


def workshop_and_scanner(root: Path) -> Workshop:
    """Return a workshop around a small scanner that lies below ``root``."""
    return Workshop(root / "workshop", small_scanner(root / "made"))


def rename_cards(folder: Path) -> None:
    """Give every card the id and artwork of the next one."""
    with closing(sqlite3.connect(folder / "cards.sqlite")) as table, table:
        rows = table.execute("SELECT first_row, card_id, artwork FROM cards ORDER BY 1").fetchall()
        table.execute("UPDATE cards SET card_id = 'x-' || card_id")
        for (row, _, _), (_, card_id, artwork) in zip(rows, rows[1:] + rows[:1], strict=True):
            table.execute(
                "UPDATE cards SET card_id = ?, artwork = ? WHERE first_row = ?", (card_id, artwork, row)
            )


def redo_manifest(folder: Path, **changes: Any) -> DatabaseManifest:
    """Write the manifest of a database anew: files as they are, and other changes."""
    document = json.loads((folder / MANIFEST).read_text())
    files = {name: describe_file(folder / name) for name in document["files"]}
    before = DatabaseManifest.model_validate(document)
    manifest = before.model_copy(update={"files": files, **changes})
    write_json(folder / MANIFEST, sealed_document(manifest))
    return manifest


def signature_of(path: Path) -> Path:
    """Return where the signature of a document lies."""
    return path.with_name(path.name + SIGNATURE)
