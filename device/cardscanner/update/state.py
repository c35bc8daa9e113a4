"""What is being changed, and what became of it: one JSON file, replaced durably at every step.

::

    downloading -> verified -> tested -> switching -> trial -> good
         |            |          |           |          |
         +------------+----------+--> refused|          +--> rolling_back -> rolled_back
                                             +--> (power cut: old or new, see settling)
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cardscanner.files import write_json
from cardscanner.publish.clock import boot_id
from cardscanner.update.release import Kind
from cardscanner.update.releases import Releases

STATE = "state.json"
Step = Literal[
    "downloading",
    "verified",
    "tested",
    "switching",
    "trial",
    "good",
    "rolling_back",
    "rolled_back",
    "refused",
]
UNFINISHED: frozenset[Step] = frozenset({"downloading", "verified", "tested"})
"""Nothing of it is in use: after an interruption it is begun again."""
DECIDED: frozenset[Step] = frozenset({"good", "rolled_back", "refused"})
"""Over, one way or the other."""
UNDECIDED: frozenset[Step] = frozenset({"switching", "trial", "rolling_back"})
"""Nothing else may be changed meanwhile."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Swap(_Part):
    """One link that changes."""

    name: str
    version: str
    previous: str | None = Field(description="version before; none: there was none")


class Change(_Part):
    """An update, from its beginning to what became of it."""

    step: Step
    swaps: dict[Kind, Swap]
    at: AwareDatetime
    boot: str = Field(default="", description="which boot `mono_s` belongs to")
    mono_s: float = Field(default=0.0, description="monotonic clock: wall clocks jump")
    why: str = Field(default="", description="of a refusal or rollback")
    starts: int = Field(default=0, ge=0, description="how often the scanner was started on trial")
    told: bool = Field(default=False, description="whether the outcome is stored as an event")

    def stepped(self, step: Step, why: str = "") -> Change:
        """Return it one step further, now."""
        update = {
            "step": step,
            "at": datetime.now(UTC),
            "boot": boot_id(),
            "mono_s": round(time.monotonic(), 3),
            "why": why or self.why,
        }
        return self.model_copy(update=update)

    @property
    def is_first(self) -> bool:
        """Whether there is nothing to go back to, of one kind at least."""
        return any(swap.previous is None for swap in self.swaps.values())

    @property
    def title(self) -> str:
        """Words for messages."""
        return ", ".join(f"{kind} {swap.name} {swap.version}" for kind, swap in self.swaps.items())


class UpdateState(_Part):
    """The whole file."""

    format: Literal[1] = 1
    serial: int = Field(default=0, description="of the newest index seen: an older one is a replay")
    index_sha256: str = Field(default="", description="of that index")
    looked_at: AwareDatetime | None = None
    latest: dict[Kind, str] = {}
    notes: dict[Kind, str] = {}
    pages: dict[Kind, str] = {}
    previous: dict[Kind, str] = Field(default={}, description="what `rollback` goes back to")
    bad: dict[str, str] = Field(default={}, description="`<kind> <name> <version>` taken back, and why")
    change: Change | None = None


def load_state(releases: Releases) -> UpdateState:
    """Return the state; one that cannot be read counts as none, because the links are what counts."""
    path = releases.root / STATE
    try:
        return UpdateState.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return UpdateState()
    except (ValueError, RecursionError, ValidationError):
        path.replace(path.with_name(f"{STATE}.damaged"))
        return UpdateState()


def change_state(releases: Releases, change: Callable[[UpdateState], UpdateState]) -> UpdateState:
    """Read, change and write the state; no other process does at the same time."""
    with releases.writing():
        before = load_state(releases)
        after = change(before)
        if after != before:
            write_json(releases.root / STATE, after.model_dump(mode="json"))
        return after
