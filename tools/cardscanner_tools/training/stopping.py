"""Early stopping: when a validation figure has not grown for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cardscanner_tools.training.recipe import EarlyStopping


@dataclass
class Watch:
    """The best figure so far and how many validations ago that was."""

    settings: EarlyStopping
    best: float | None = None
    since: int = 0

    def see(self, figures: Mapping[str, float]) -> bool:
        """Take note of a validation; return whether it is the best so far."""
        value = figures[self.settings.figure]
        if self.best is None or value > self.best + self.settings.least_gain:
            self.best, self.since = value, 0
            return True
        self.since += 1
        return False

    @property
    def patience_is_over(self) -> bool:
        """Whether to stop."""
        return self.since >= self.settings.patience
