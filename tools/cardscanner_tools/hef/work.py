"""The work folder of a compilation: what is finished stays finished, as long as what it was made from is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cardscanner.errors import InputError
from cardscanner.files import write_json

_NOTES = "steps.json"


def key_of(*parts: Any) -> str:
    """Return what identifies a step: a hash of everything that went into it."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(slots=True)
class WorkFolder:
    """Files of finished steps, and a note of what each was made from."""

    folder: Path
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path) -> WorkFolder:
        """Create the folder, or read what is finished in it."""
        folder.mkdir(parents=True, exist_ok=True)
        notes = folder / _NOTES
        if not notes.is_file():
            return cls(folder)
        try:
            return cls(folder, json.loads(notes.read_text(encoding="utf-8")))
        except ValueError as error:
            raise InputError(f"{notes} cannot be read ({error}): delete {folder} and start again") from error

    def path(self, name: str) -> Path:
        """Return where a file of the work folder is."""
        return self.folder / name

    def finished(self, step: str, key: str, *files: str) -> dict[str, Any] | None:
        """Return what was noted about a step; ``None`` when it has to be done (again)."""
        note = self.notes.get(step)
        if note is None or note["key"] != key or not all(self.path(name).is_file() for name in files):
            return None
        return dict(note["facts"])

    def finish(self, step: str, key: str, facts: Mapping[str, Any] | None = None) -> None:
        """Note that a step is done; its files are complete by now."""
        self.notes[step] = {"key": key, "facts": dict(facts or {})}
        write_json(self.folder / _NOTES, self.notes)
