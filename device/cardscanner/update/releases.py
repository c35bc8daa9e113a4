"""Releases on the box: ``<kind>/releases/<version>``, and ``<kind>/current``, the link to the one in use.

The link is the switch: it is replaced by one rename, so that there is always either the old or the new one.
A folder in ``releases`` is complete: it is put there by a rename too, after everything in it was verified.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from cardscanner.config import Config
from cardscanner.errors import UpdateRefused
from cardscanner.files import sync_folder
from cardscanner.update.release import KINDS, Kind, order_of

CURRENT = "current"
_ALONE = fcntl.LOCK_EX | fcntl.LOCK_NB


class Releases:
    """The folder of all releases; processes share it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def current(self, kind: Kind) -> Path:
        """Return the link that the configuration should name."""
        return self.root / kind / CURRENT

    def folder(self, kind: Kind, version: str) -> Path:
        """Return where a version lies, or would lie."""
        return self.root / kind / "releases" / version

    def incoming(self, kind: Kind, version: str) -> Path:
        """Return where a version is put together; what is there after an interruption is used again."""
        return self.root / kind / "incoming" / version

    def in_use(self, kind: Kind) -> str | None:
        """Return the version that the link leads to; ``None``: nothing was ever put in place."""
        try:
            target = Path(os.readlink(self.current(kind)))  # noqa: PTH115 - as text, not resolved
        except OSError:
            return None
        return target.name if target.parent.name == "releases" else None

    def versions(self, kind: Kind) -> list[str]:
        """Return the versions that are here, oldest first."""
        folder = self.root / kind / "releases"
        return sorted((each.name for each in folder.glob("[0-9]*")), key=order_of)

    def adopt(self, kind: Kind, version: str) -> None:
        """Move what was put together among the releases."""
        target = self.folder(kind, version)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():  # the same version, from a release that was taken back
            shutil.rmtree(target)
        incoming = self.incoming(kind, version)
        for folder in (incoming, *(each for each in incoming.rglob("*") if each.is_dir())):
            sync_folder(folder)
        incoming.rename(target)
        sync_folder(target.parent)

    def point(self, kind: Kind, version: str | None) -> None:
        """Let the link lead to a version; ``None`` takes it away."""
        link = self.current(kind)
        if version is None:
            link.unlink(missing_ok=True)
        else:
            fresh = link.with_name(f".{CURRENT}.{os.getpid()}.tmp")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(Path("releases") / version, target_is_directory=True)
            fresh.replace(link)
        sync_folder(link.parent)

    def keep_only(self, kind: Kind, versions: Collection[str]) -> None:
        """Delete every other version, and what was put together in vain."""
        for each in self.versions(kind):
            if each not in versions:
                shutil.rmtree(self.folder(kind, each))
        incoming = self.root / kind / "incoming"
        if incoming.is_dir():
            shutil.rmtree(incoming)
        for stray in (self.root / kind).glob(f".{CURRENT}.*.tmp"):
            stray.unlink()

    @contextmanager
    def sole_installer(self) -> Iterator[None]:
        """Be the only process that installs; :class:`UpdateRefused` while another one is."""
        with self._lock("install.lock", _ALONE):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one that changes state and links, for moments."""
        with self._lock("state.lock", fcntl.LOCK_EX):
            yield

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Show, while it lasts, that a scanner runs that takes care of trials."""
        with self._lock("watch.lock", fcntl.LOCK_SH):
            yield

    @property
    def is_watched(self) -> bool:
        """Whether a scanner runs that takes care of trials."""
        return self._is_held("watch.lock")

    @property
    def is_installing(self) -> bool:
        """Whether a process installs something."""
        return self._is_held("install.lock")

    def _is_held(self, name: str) -> bool:
        try:
            with self._lock(name, _ALONE):
                return False
        except UpdateRefused:
            return True

    @contextmanager
    def _lock(self, name: str, how: int) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / name).open("a") as file:
            try:
                fcntl.flock(file, how)
            except BlockingIOError:
                raise UpdateRefused(
                    "busy", f"{self.root}: another update is being installed: wait for its end"
                ) from None
            yield


def releases_of(config: Config) -> Releases:
    """Return the releases of a configuration."""
    folder = None if config.updates is None else config.updates.folder
    return Releases(folder or config.outbox.path.with_name("releases"))


def made_folders(releases: Releases) -> None:
    """Make the folder of every kind."""
    for kind in KINDS:
        (releases.root / kind).mkdir(parents=True, exist_ok=True)
