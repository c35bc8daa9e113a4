"""Putting a finished database in the place of an older one, so that a crash leaves the old or the new one.

The folder keeps its plain layout, so four files have to change together. The manifest is the switch:

1. the old data files move aside into ``.previous/``;
2. the new data files move in;
3. the new manifest replaces the old one: from here on the database is the new one;
4. ``.previous/`` and the files of changes to the old database go.

Cut short before step 3, the old manifest still stands and every file it describes lies in the folder or in
``.previous/``; :func:`located` looks in both, so the old database can still be opened, and the next build
moves its files back first. A process that has the old files mapped keeps them: nothing is written in place.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from cardscanner.errors import ArtifactError
from cardscanner.files import sync_folder
from cardscanner.manifest import MANIFEST, DatabaseManifest, load_database_manifest, verified

_ASIDE = ".previous"


def located(folder: Path, manifest: DatabaseManifest, name: str) -> Path:
    """Return the path of a data file that has the hash of the manifest.

    Raises
    ------
    ArtifactError
        It is missing or damaged.
    """
    aside = folder / _ASIDE
    if not (aside / name).is_file():
        return verified(folder, manifest.files, name)
    try:
        return verified(aside, manifest.files, name)
    except (ArtifactError, FileNotFoundError):  # damaged, or gone since: the replacement is over
        return verified(folder, manifest.files, name)


def install(new: Path, folder: Path, names: list[str]) -> None:
    """Move the data files ``names`` and the manifest from ``new`` (same file system) into ``folder``."""
    aside = folder / _ASIDE
    aside.mkdir(exist_ok=True)
    for name in names:
        if (folder / name).exists():
            (folder / name).replace(aside / name)
    sync_folder(aside)
    for name in names:
        (new / name).replace(folder / name)
    sync_folder(folder)
    (new / MANIFEST).replace(folder / MANIFEST)
    sync_folder(folder)
    shutil.rmtree(aside)
    forget_deltas(folder, names)


def forget_deltas(folder: Path, names: Collection[str]) -> None:
    """Delete files of changes that the manifest, which lists ``names``, does not know (any more)."""
    for path in folder.glob("delta-*"):
        if path.name not in names and path.suffix in {".npy", ".sqlite", ".bin"}:
            path.unlink(missing_ok=True)


def settle(folder: Path) -> None:
    """Finish or undo a replacement that was cut short."""
    aside = folder / _ASIDE
    if not aside.is_dir():
        return
    if not _is_whole(folder):
        for old in sorted(aside.iterdir()):
            old.replace(folder / old.name)
        sync_folder(folder)
    shutil.rmtree(aside)


def _is_whole(folder: Path) -> bool:
    try:
        manifest = load_database_manifest(folder)
        for name in manifest.files:
            verified(folder, manifest.files, name)
    except ArtifactError:
        return False
    return True
