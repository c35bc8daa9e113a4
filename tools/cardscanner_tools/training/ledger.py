"""What a training keeps on disk: the checkpoint to go on from, the weights, the journal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

from cardscanner.errors import ConfigError
from cardscanner_tools.training.checkpoint import (
    random_state,
    read_state,
    restore_random_state,
    write_state,
)
from cardscanner_tools.training.journal import Journal
from cardscanner_tools.training.networks import parameter_count
from cardscanner_tools.training.progress import Progress
from cardscanner_tools.training.recipe import Recipe
from cardscanner_tools.training.recipe_files import differences
from cardscanner_tools.training.stopping import Watch
from cardscanner_tools.training.tasks import Task
from cardscanner_tools.training.weights import write_weights

_RECENT = 500


class Ledger:
    """Files of one run; only the main process writes."""

    def __init__(
        self, folder: Path, recipe: Recipe, task: Task, accelerator: Accelerator, *, tensorboard: bool
    ) -> None:
        self.folder, self.recipe, self.task, self.accelerator = folder, recipe, task, accelerator
        self.tensorboard = tensorboard
        self.progress = Progress()
        self.rate = 0.0
        self.recent: list[dict[str, float]] = []
        self.figures: dict[str, float] = {}
        self.watch = Watch(recipe.early_stopping) if recipe.early_stopping is not None else None
        self.journal: Journal | None = None
        self.learner: nn.Module | None = None
        self.optimizer: Any = None
        self.average: Any = None

    @property
    def network(self) -> nn.Module:
        """What is measured and written: the average of the weights where one is kept."""
        return self.task.net if self.average is None else self.average.module

    @property
    def stopped_early(self) -> bool:
        """Whether this stage has lost its patience."""
        return self.watch is not None and self.watch.patience_is_over

    def read(self) -> dict[str, Any] | None:
        """Read the last checkpoint and set the counters; the stage it is of calls :meth:`restore`.

        Raises
        ------
        ConfigError
            It belongs to another recipe, or to another number of processes, or not all of them see it.
        """
        state = read_state(self.folder / "last.pt")
        if state is not None:
            self._check(state)
            self.progress.__dict__.update(state["progress"])
        if len(set(gather_object([self.progress.step]))) > 1:
            raise ConfigError(
                f"{self.folder}: not every machine has the checkpoint: let them share the folder"
            )
        if self.accelerator.is_main_process and not self.progress.finished:
            self.journal = Journal(self.folder, self.progress.step, tensorboard=self.tensorboard)
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Put everything back; the generators last, since setting up has drawn from them."""
        assert self.learner is not None, "a stage has begun"  # noqa: S101
        self.learner.load_state_dict(state["learner"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.recent, self.figures = state["recent"], state["figures"]
        if self.watch is not None:
            self.watch.best, self.watch.since = state["best"], state["since_best"]
        restore_random_state(state["random"][self.accelerator.process_index])

    def note(self, figures: dict[str, float]) -> None:
        """Remember what a step said."""
        self.recent = [*self.recent[-_RECENT + 1 :], figures]

    def log(self, measured: dict[str, float]) -> None:
        """Take a validation in: the journal, early stopping, the best weights."""
        self.figures = measured
        if self.watch is not None and self.watch.see(measured) and self.accelerator.is_main_process:
            self._write_weights("-best")
        if self.journal is None:
            return
        means = {
            name: float(np.mean([each[name] for each in self.recent if name in each]))
            for name in self.recent[-1]
        }
        self.journal.add(
            {
                "step": self.progress.step,
                "stage": self.progress.stage + 1,
                "examples": self.progress.examples,
                "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
                "lr": float(f"{self.rate:.3g}"),
                **{name: round(value, 4) for name, value in {**means, **measured}.items()},
            }
        )

    def save(self) -> None:
        """Write weights and checkpoint, in this order: the checkpoint is what says that a step is done."""
        generators = gather_object([random_state()])
        if not self.accelerator.is_main_process:
            return
        assert self.learner is not None, "a stage has begun"  # noqa: S101
        self._write_weights("")
        write_state(
            self.folder / "last.pt",
            {
                "recipe": self.recipe.model_dump_json(),
                "processes": self.accelerator.num_processes,
                "progress": self.progress.as_plain(),
                "learner": self.learner.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "average": self.average.state_dict() if self.average is not None else None,
                "random": generators,
                "recent": self.recent,
                "figures": self.figures,
                "best": self.watch.best if self.watch is not None else None,
                "since_best": self.watch.since if self.watch is not None else 0,
            },
        )

    def next_stage(self) -> None:
        """Count a stage; the next one starts with all its patience."""
        self.progress.next_stage()
        if self.watch is not None:
            self.watch.since = 0

    def close(self) -> None:
        """Finish the journal."""
        if self.journal is not None:
            self.journal.close()

    def _check(self, state: dict[str, Any]) -> None:
        now = json.loads(self.recipe.model_dump_json())
        changed = list(differences(json.loads(state["recipe"]), now))
        if changed:
            raise ConfigError(
                f"{self.folder} holds a run of another recipe (different: {', '.join(changed)}): "
                "go on with the same one, or take another --out"
            )
        if state["processes"] != self.accelerator.num_processes:
            raise ConfigError(
                f"{self.folder} holds a run on {state['processes']} processes, this is one on "
                f"{self.accelerator.num_processes}: go on with as many, or take another --out"
            )

    def _write_weights(self, suffix: str) -> None:
        about = {
            "name": self.recipe.network.name,
            "network": self.recipe.network.model_dump(mode="json"),
            "dim": self.recipe.network.dim,
            "licence": self.recipe.network.licence,
            "parameters": parameter_count(self.network),
            "recipe": self.recipe.model_dump(mode="json"),
            "seed": self.recipe.seed,
            "step": self.progress.step,
            "examples": self.progress.examples,
            "figures": self.figures,
            **self.task.about(),
        }
        write_weights(self.folder / f"{self.recipe.network.name}{suffix}.safetensors", self.network, about)
