"""Model folders: files first, the manifest last, so that a manifest means a complete folder."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from cardscanner.files import write_json
from cardscanner.manifest import MANIFEST, FileEntry, ModelManifest, describe_file, sealed_document


def now() -> str:
    """Return the time of day as manifests write it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def unseal(folder: Path) -> None:
    """Create a model folder, or take the manifest of an old one away while its files change."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)


def seal(folder: Path, manifest: ModelManifest) -> None:
    """Write the manifest."""
    write_json(folder / MANIFEST, sealed_document(manifest))


def described(folder: Path, names: Iterable[str]) -> dict[str, FileEntry]:
    """Return the manifest entries of files, and of every file inside folders such as ``model.mlpackage``."""
    found: dict[str, FileEntry] = {}
    for name in names:
        path = folder / name
        parts = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        found |= {part.relative_to(folder).as_posix(): describe_file(part) for part in parts}
    return found
