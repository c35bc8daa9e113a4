"""The training loop: stages, steps, checkpoints, validations, over one process or many.

Hugging Face Accelerate places the network, averages the gradients of several processes (torchrun) and casts
to bf16; the loop itself is here, on the page. Every step consumes the same examples however many processes
share them. A checkpoint holds the networks, the optimiser, the counters and the generators of every process,
so a run that was killed, at any point, ends as it would have ended without that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from cardscanner.errors import CardscannerError, ConfigError
from cardscanner_tools.training.captures import Drawing, Share, class_means, loader
from cardscanner_tools.training.freezing import set_trainable, training_mode
from cardscanner_tools.training.ledger import Ledger
from cardscanner_tools.training.pool import Pool, render_pool
from cardscanner_tools.training.progress import learning_rate, margin, steps_of
from cardscanner_tools.training.recipe import Cards, Recipe, Stage
from cardscanner_tools.training.tasks import Task


class Engine:
    """One training in one folder."""

    def __init__(self, recipe: Recipe, task: Task, accelerator: Accelerator, ledger: Ledger) -> None:
        self.recipe, self.task, self.accelerator, self.ledger = recipe, task, accelerator, ledger
        shares = accelerator.num_processes * recipe.accumulate
        if recipe.batch % shares:
            raise ConfigError(
                f"batch: {recipe.batch} does not divide into {accelerator.num_processes} processes x "
                f"accumulate {recipe.accumulate}: use a multiple of {shares}"
            )
        task.net.to(accelerator.device, memory_format=torch.channels_last)
        self.average = _average(recipe, task.net)
        self.ledger.average = self.average

    def run(self, workers: int) -> None:
        """Train to the end, from the last checkpoint if there is one."""
        state = self.ledger.read()
        progress = self.ledger.progress
        if progress.finished:
            self._say(f"finished after {progress.step} steps; nothing is left to do")
            return
        self.task.to_device(self.accelerator.device)
        if self.accelerator.is_main_process:
            self.task.prepare()
        self._stage(workers, state)
        while progress.stage + 1 < len(self.recipe.stages):
            self.ledger.next_stage()
            self._stage(workers, None)
        progress.finished = True
        self.ledger.save()
        self._say(f"finished after {progress.step} steps")

    def _stage(self, workers: int, state: dict[str, Any] | None) -> None:
        progress = self.ledger.progress
        stage = self.recipe.stages[progress.stage]
        pool = self._pool(progress.stage)
        steps = steps_of(stage, len(pool.labels), self.recipe.batch)
        model = self._begin(stage, pool, state)
        batches = self._batches(stage, pool, steps - progress.stage_step, workers)
        bar = tqdm(
            total=steps, initial=progress.stage_step, disable=not self.accelerator.is_main_process,
            desc=f"stage {progress.stage + 1} of {len(self.recipe.stages)}", mininterval=5,
        )  # fmt: skip
        while progress.stage_step < steps and not self.ledger.stopped_early:
            self._schedule(stage, progress.stage_step, steps)
            self._step(model, islice(batches, self.recipe.accumulate))
            progress.next_step(self.recipe.batch)
            bar.update()
            self._look_after(last=progress.stage_step == steps)
        bar.close()

    def _begin(self, stage: Stage, pool: Pool, state: dict[str, Any] | None) -> nn.Module:
        """Set up what is a stage's own: classes, frozen layers, optimiser; then go on from ``state``."""
        new_cards = stage.pool is not None or self.task.arcface is None
        learner = self.task.learner(pool.classes if new_cards else None)
        learner.to(self.accelerator.device)
        set_trainable(self.task.net, stage.trainable)
        if stage.imprint and state is None and self.task.arcface is not None:
            self.task.arcface.imprint(class_means(self.task.net, pool, self.recipe.network.size))
        optimizer = _optimizer(self.task, self.recipe.weight_decay)
        self.ledger.learner, self.ledger.optimizer = learner, optimizer
        # Wrapped once the frozen layers are known: several processes agree on the gradients they exchange.
        model = self.accelerator.prepare_model(learner)
        if state is not None:
            self.ledger.restore(state)
        return model

    def _step(self, model: nn.Module, parts: Iterator[Any]) -> None:
        training_mode(self.task.net)
        assert self.ledger.optimizer is not None, "a stage has begun"  # noqa: S101
        for part, batch in enumerate(parts, start=1):
            last = part == self.recipe.accumulate
            with nullcontext() if last else self.accelerator.no_sync(model):
                loss, figures = model(*self._inputs(batch))
                self._check(loss)
                self.accelerator.backward(loss / self.recipe.accumulate)
            self.ledger.note({"loss": loss.item(), **{name: value.item() for name, value in figures.items()}})
        self.accelerator.clip_grad_norm_(self.task.net.parameters(), self.recipe.clip_norm)
        self.ledger.optimizer.step()
        self.ledger.optimizer.zero_grad()
        if self.average is not None:
            self.average.update_parameters(self.task.net)

    def _batches(self, stage: Stage, pool: Pool, steps: int, workers: int) -> Iterator[Any]:
        """Give this process's part of the steps that are left."""
        me, all_of_us = self.accelerator.process_index, self.accelerator.num_processes
        first = self.ledger.progress.examples
        share = Share(first, steps, self.recipe.batch, self.recipe.accumulate, me, all_of_us)
        drawing = Drawing(pool, self.recipe.seed, stage.captures, self.recipe.augment)
        yield from loader(self.task.examples(drawing), share, self.task.collate, workers)

    def _inputs(self, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        placed = tuple(each.to(self.accelerator.device, non_blocking=True) for each in batch)
        with torch.no_grad(), self.accelerator.autocast():
            return self.task.inputs(placed)

    def _look_after(self, *, last: bool) -> None:
        """Validate and save when it is time."""
        step = self.ledger.progress.step
        due = last or step % self.recipe.validate_every == 0
        if due:
            measured = [self._measure()]
            broadcast_object_list(measured)
            self.ledger.log(measured[0])
        if due or step % self.recipe.save_every == 0:
            self.ledger.save()

    def _measure(self) -> dict[str, float]:
        """Only the main process measures; the others wait for what it found."""
        if not self.accelerator.is_main_process:
            return {}
        return self.task.measure(self.ledger.network)

    def _schedule(self, stage: Stage, step: int, steps: int) -> None:
        assert self.ledger.optimizer is not None, "a stage has begun"  # noqa: S101
        self.ledger.rate = learning_rate(stage, step, steps)
        for group in self.ledger.optimizer.param_groups:
            group["lr"] = self.ledger.rate
        if self.task.arcface is not None:
            largest = stage.margin if stage.margin is not None else self.task.largest_margin
            self.task.arcface.margin = margin(stage, largest, step, steps)

    def _check(self, loss: Any) -> None:
        if not math.isfinite(loss.item()):
            raise CardscannerError(
                f"the loss is {loss.item()} at step {self.ledger.progress.step}: "
                "start again with a smaller lr or a longer warm-up"
            )

    def _pool(self, number: int) -> Pool:
        """Return the cards of a stage; one process renders them (on each machine, without a common --out)."""
        own = [place for place in range(number + 1) if self.recipe.stages[place].pool is not None]
        cards = self.recipe.stages[own[-1]].pool if own else None
        folder = self.ledger.folder / (f"pool-{own[-1] + 1}" if own else "pool")
        with self.accelerator.main_process_first(), self.accelerator.local_main_process_first():
            return _rendered(folder, cards or self.recipe.cards)

    def _say(self, text: str) -> None:
        if self.accelerator.is_main_process:
            tqdm.write(text)


def _rendered(folder: Path, cards: Cards) -> Pool:
    return render_pool(folder, cards.count, cards.seed, cards.free_faces, cards.free_art)


def _average(recipe: Recipe, net: nn.Module) -> Any:
    if recipe.ema_decay is None:
        return None
    return AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema_decay), use_buffers=True)


def _optimizer(task: Task, weight_decay: float) -> Any:
    """Classes are directions, which weight decay would only shorten."""
    groups: list[dict[str, Any]] = [
        {"params": [each for each in task.net.parameters() if each.requires_grad]}
    ]
    if task.arcface is not None:
        groups.append({"params": list(task.arcface.parameters()), "weight_decay": 0.0})
    return torch.optim.AdamW(groups, lr=0.0, weight_decay=weight_decay)
