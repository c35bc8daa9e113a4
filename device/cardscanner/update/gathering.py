"""Putting a release together: from files that are here, from patches, and from the source for the rest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cardscanner.errors import UpdateRefused
from cardscanner.files import sha256_of
from cardscanner.manifest import FileEntry
from cardscanner.update.patch import apply_patch
from cardscanner.update.release import KINDS, Patch, Release, read_kept
from cardscanner.update.releases import Releases
from cardscanner.update.sources import Source

SPARE_BYTES = 64 * 2**20
"""That stay free: scans need the disk too."""
_PART = ".part"


@dataclass(slots=True)
class Gathering:
    """One release on its way into its incoming folder."""

    source: Source
    release: Release
    path: str
    """Of the release at the source."""
    into: Path
    here: dict[str, Path]
    """Files of releases on the box by their SHA-256."""
    tell: Callable[[int, int], None]
    """Takes bytes that are in place so far, and all bytes."""
    travelled: int = field(default=0, init=False)
    """Bytes that came from the source."""
    _done: int = field(default=0, init=False)

    def gather(self) -> None:
        """Put every file in its place and check it.

        Raises
        ------
        UpdateRefused
            ``truncated``, ``wrong_sha256``, ``no_space``, ``not_found``.
        SourceAway
            Go on later: what has arrived stays.
        """
        self._need_room()
        for name, entry in self.release.files.items():
            place = self.into / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if not _is(place, entry):
                self._bring(name, entry, place)
            self._advance(entry.size)

    def _bring(self, name: str, entry: FileEntry, place: Path) -> None:
        if not (self._linked(entry, place) or self._patched(name, entry, place)):
            self._downloaded(f"{self.path}/{name}", entry, place)
        with place.open("rb") as file:
            os.fsync(file.fileno())

    def _linked(self, entry: FileEntry, place: Path) -> bool:
        """The same file is here already: nothing is ever written into one in place, so it may be shared."""
        same = self.here.get(entry.sha256)
        if same is None:
            return False
        place.unlink(missing_ok=True)
        try:
            place.hardlink_to(same)
        except OSError:  # a file system without links
            shutil.copyfile(same, place)
        return _is(place, entry)

    def _patched(self, name: str, entry: FileEntry, place: Path) -> bool:
        """A patch that does not give the right file is given up: the whole file is there too."""
        for patch in self.release.patches:
            old = self.here.get(patch.source_sha256)
            if patch.file != name or old is None:
                continue
            fetched = self._fetched_patch(patch)
            try:
                apply_patch(old, fetched, place, entry.size)
            except UpdateRefused:
                continue
            finally:
                fetched.unlink(missing_ok=True)
            if _is(place, entry):
                return True
        return False

    def _fetched_patch(self, patch: Patch) -> Path:
        place = self.into / f"{Path(patch.path).name}{_PART}"
        self._downloaded(f"{self.path}/{patch.path}", FileEntry(sha256=patch.sha256, size=patch.size), place)
        return place

    def _downloaded(self, path: str, entry: FileEntry, place: Path) -> None:
        part = place if place.name.endswith(_PART) else place.with_name(place.name + _PART)
        begun = part.exists()
        self._fetch(path, entry, part)
        if begun and not _is(part, entry):  # what was there from before was of something else
            part.unlink()
            self._fetch(path, entry, part)
        if not _is(part, entry):
            part.unlink()
            raise UpdateRefused(
                "wrong_sha256", f"{path}: wrong SHA-256: it is not the file that the release was signed with"
            )
        part.replace(place)

    def _fetch(self, path: str, entry: FileEntry, part: Path) -> None:
        before = self._done

        def tell(count: int) -> None:
            self.travelled += count
            self._done = min(self._done + count, before + entry.size)
            self.tell(self._done, self.release.size)

        try:
            self.source.fetch(path, entry.size, part, tell)
        finally:
            self._done = before

    def _advance(self, count: int) -> None:
        self._done += count
        self.tell(self._done, self.release.size)

    def _need_room(self) -> None:
        missing = 0
        for name, entry in self.release.files.items():
            parts = (self.into / name, self.into / f"{name}{_PART}")
            have = sum(each.stat().st_size for each in parts if each.exists())
            if entry.sha256 not in self.here:
                missing += max(0, entry.size - have)
        free = shutil.disk_usage(self.into).free
        if missing and free < missing + SPARE_BYTES:
            raise UpdateRefused(
                "no_space",
                f"no space: {self.release.title} needs {missing} bytes more in {self.into}, {free} are free "
                f"and {SPARE_BYTES} of them must stay so: make room",
            )


def files_here(releases: Releases) -> dict[str, Path]:
    """Return the files of every release on the box by the SHA-256 that they had when they came."""
    return {sha256: path for folder in _folders(releases) for sha256, path in _files_of(folder)}


def _folders(releases: Releases) -> Iterator[Path]:
    for kind in KINDS:
        for version in releases.versions(kind):
            yield releases.folder(kind, version)


def _files_of(folder: Path) -> Iterator[tuple[str, Path]]:
    release = read_kept(folder)
    for name, entry in release.files.items() if release else ():
        path = folder / name
        if path.is_file() and path.stat().st_size == entry.size:
            yield entry.sha256, path


def _is(path: Path, entry: FileEntry) -> bool:
    return path.is_file() and path.stat().st_size == entry.size and sha256_of(path) == entry.sha256
