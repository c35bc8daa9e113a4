"""The topics of one device."""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "cardscanner"
EVERYBODY = "all"
"""``cardscanner/all/cmd/<name>`` reaches every device; so no device may have this id."""


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

    @property
    def image(self) -> str:
        """The newest match's picture, when it is asked for."""
        return self._below("last/image")

    @property
    def event(self) -> str:
        """What happened to the device, never retained."""
        return self._below("event")

    @property
    def update(self) -> str:
        """Versions, retained."""
        return self._below("update")

    @property
    def log(self) -> str:
        """Warnings and errors, when they are asked for."""
        return self._below("log")

    def command(self, name: str) -> str:
        """Where a command is sent to the device."""
        return self._below(f"cmd/{name}")

    def answer(self, command: str) -> str:
        """Where the answers to a command go."""
        return self._below(f"rsp/{command}")

    def heard(self) -> tuple[str, ...]:
        """What the device subscribes to: its commands, everybody's, and what consumers acknowledge."""
        return self._below("cmd/#"), f"{ROOT}/{EVERYBODY}/cmd/#", self._below("ack/+")

    def command_of(self, topic: str) -> str | None:
        """Return the name of the command that came on a topic; ``None``: it is no command's."""
        for device in (self.device_id, EVERYBODY):
            if topic.startswith(f"{ROOT}/{device}/cmd/"):
                return topic.removeprefix(f"{ROOT}/{device}/cmd/")
        return None

    def consumer_of(self, topic: str) -> str | None:
        """Return who acknowledges on a topic; ``None``: it is no such topic."""
        start = self._below("ack/")
        return topic.removeprefix(start) if topic.startswith(start) else None

    def named(self) -> dict[str, str]:
        """Return every topic by its name; those of commands and answers end before the command's name."""
        names = ("status", "info", "state", "scan", "last", "event", "update")
        return {name: self._below(name) for name in names} | {
            "image": self.image,
            "log": self.log,
            "cmd": self._below("cmd"),
            "rsp": self._below("rsp"),
            "ack": self._below("ack"),
        }

    def _below(self, name: str) -> str:
        return f"{ROOT}/{self.device_id}/{name}"
