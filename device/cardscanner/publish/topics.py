"""The topics of one device."""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "cardscanner"


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic names below ``cardscanner/<device_id>/``."""

    device_id: str

    @property
    def status(self) -> str:
        """Availability, retained: ``online`` or ``offline``."""
        return self._below("status")

    @property
    def info(self) -> str:
        """What the device is, retained."""
        return self._below("info")

    @property
    def state(self) -> str:
        """How the device is, retained."""
        return self._below("state")

    @property
    def scan(self) -> str:
        """One message per decided card, never retained."""
        return self._below("scan")

    @property
    def last(self) -> str:
        """The newest match, retained."""
        return self._below("last")

    def named(self) -> dict[str, str]:
        """Return every topic by its name."""
        return {name: self._below(name) for name in ("status", "info", "state", "scan", "last")}

    def _below(self, name: str) -> str:
        return f"{ROOT}/{self.device_id}/{name}"
