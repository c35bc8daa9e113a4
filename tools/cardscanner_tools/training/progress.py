"""Where a training is: counters, the schedule of the learning rate and of the margin."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from cardscanner_tools.training.recipe import Stage


@dataclass
class Progress:
    """Counters of finished work; all of it is in the checkpoint."""

    stage: int = 0
    stage_step: int = 0
    step: int = 0
    examples: int = 0
    finished: bool = False

    def next_step(self, batch: int) -> None:
        """Count one step."""
        self.stage_step += 1
        self.step += 1
        self.examples += batch

    def next_stage(self) -> None:
        """Count one stage."""
        self.stage, self.stage_step = self.stage + 1, 0

    def as_plain(self) -> dict[str, Any]:
        """Return the counters by name."""
        return asdict(self)


def steps_of(stage: Stage, faces: int, batch: int) -> int:
    """Return how many steps a stage takes on a pool of so many faces."""
    examples = stage.examples if stage.examples is not None else round((stage.epochs or 0) * faces)
    return max(1, examples // batch)


def learning_rate(stage: Stage, step: int, steps: int) -> float:
    """Warm up, then fall as a cosine."""
    warm = min(1.0, (step + 1) / stage.warmup_steps) if stage.warmup_steps else 1.0
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return stage.lr * warm * (stage.lr_floor + (1 - stage.lr_floor) * cosine)


def margin(stage: Stage, largest: float, step: int, steps: int) -> float:
    """Grow with the first steps of the stage: from scratch, a full margin at once does not train."""
    if stage.margin_warmup == 0:
        return largest
    return largest * min(1.0, step / steps / stage.margin_warmup)
