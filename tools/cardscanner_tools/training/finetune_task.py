"""Fine-tuning as the engine sees it: cards that are given, and figures from cards that are held back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cardscanner.errors import ConfigError
from cardscanner.manifest import ModelManifest
from cardscanner.records import Batch
from cardscanner_tools.scene.capture import HARD, USUAL, CaptureStyle, capture
from cardscanner_tools.training.augment_settings import AugmentSettings
from cardscanner_tools.training.captures import clean
from cardscanner_tools.training.engine import Engine
from cardscanner_tools.training.finetune_cards import Faces
from cardscanner_tools.training.finetune_split import Split
from cardscanner_tools.training.ledger import Ledger
from cardscanner_tools.training.losses import ArcFace
from cardscanner_tools.training.pool import Pool
from cardscanner_tools.training.recipe import ArcFaceSettings, Stage, TrainRecipe
from cardscanner_tools.training.recipe_network import CARDNET, NetworkEntry
from cardscanner_tools.training.tasks import Classification, Classifying
from cardscanner_tools.training.validation import Validation

_MOST_QUERIES = 150
_MOST_GALLERY = 1000


def cardnet_entry(manifest: ModelManifest) -> NetworkEntry:
    """Return the entry of a network that :func:`from_onnx.rebuild` gave."""
    return NetworkEntry(
        name="start", source=CARDNET, features=64 * 7 * 7, dim=manifest.dim, head="own",
        mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0), licence=manifest.licence,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fine-tuning is told."""

    model: Path
    weights: Path | None
    out: Path
    examples: int
    batch: int
    lr: float
    anchor: float
    """Weight of the distance to where the start put the card's clean face; 0: labels alone decide."""
    seed: int
    augment: AugmentSettings
    save_every: int
    workers: int


def adaptation_recipe(plan: Plan, entry: NetworkEntry, start: Path, notes: str) -> TrainRecipe:
    """Return one stage: classes imprinted, a small learning rate, everything but a CardNet's front learns."""
    steps = max(1, plan.examples // plan.batch)
    return TrainRecipe(
        kind="train",
        name="finetune",
        notes=notes,
        network=entry.model_copy(update={"name": "finetuned", "checkpoint": start.resolve()}),
        arcface=ArcFaceSettings(margin=0.3, scale=30.0),
        augment=plan.augment,
        seed=plan.seed,
        batch=plan.batch,
        save_every=plan.save_every,
        validate_every=max(1, steps // 4),
        stages=(Stage(examples=plan.examples, lr=plan.lr, warmup_steps=min(100, steps // 10), imprint=True),),
    )


class Anchored(Classifying):
    """ArcFace, and captures drawn towards the place that the clean face had before the adaptation.

    Labels alone, with batch norms that follow the new cards, spoilt the embedding of cards that were not
    among them within 2,400 captures (docs/experiments.md).
    """

    def __init__(self, net: nn.Module, arcface: ArcFace, anchor: float) -> None:
        super().__init__(net, arcface)
        self.anchor = anchor
        self.register_buffer("places", torch.zeros_like(arcface.weight))

    def forward(
        self, crops: Tensor, labels: Tensor, others: Tensor, share: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return loss and figures; see :class:`Classifying`."""
        vectors = self.net(crops).float()
        losses, rights = zip(*(self.arcface(vectors, each) for each in (labels, others)), strict=True)
        away = [(vectors - self.places[each]).square().sum(dim=1).mean() for each in (labels, others)]
        own, partner = (loss + self.anchor * distance for loss, distance in zip(losses, away, strict=True))
        return share * own + (1 - share) * partner, {
            "train_top1": rights[0].detach(), "train_away": away[0].detach(),
        }  # fmt: skip


class Adaptation(Classification):
    """Learning given cards; the figures on the way come from cards that are held back."""

    def __init__(self, recipe: TrainRecipe, faces: Faces, split: Split, anchor: float) -> None:
        super().__init__(recipe)
        self.faces, self.split, self.anchor = faces, split, anchor

    def learner(self, classes: int | None) -> nn.Module:
        """See :class:`Task`."""
        super().learner(classes)
        assert self.arcface is not None, "the only stage brings its classes"  # noqa: S101
        return Anchored(self.net, self.arcface, self.anchor)

    def prepare(self) -> None:
        """Capture half of the held-back cards as known ones, the others as unknown ones."""
        draw = np.random.default_rng([self.recipe.seed, 13])
        _, first_rows = np.unique(self.split.artworks, return_index=True)
        held_back = draw.permutation(first_rows[self.split.held_back[first_rows]])[: 2 * _MOST_QUERIES]
        known, unknown = np.array_split(held_back, 2)
        others = draw.permutation(self.split.seen_rows)[:_MOST_GALLERY]
        gallery = np.stack([clean(self._face(row), self._side) for row in [*known, *others]])
        styles = {"usual": USUAL, "hard": HARD}
        self.validation = Validation(
            gallery,
            {name: self._captured(draw, known, style) for name, style in styles.items()},
            {name: self._captured(draw, unknown, style) for name, style in styles.items()},
        )

    @property
    def _side(self) -> int:
        return self.recipe.network.size

    def _face(self, row: int) -> NDArray[np.uint8]:
        return np.array(self.faces.pictures[row])

    def _captured(self, draw: np.random.Generator, rows: NDArray[np.int64], style: CaptureStyle) -> Batch:
        return np.stack([capture(draw, self._face(row), style, self._side) for row in rows])


class AdaptationEngine(Engine):
    """The engine, with a pool that is there already, and batch norms that stay as they are.

    Statistics of a few hundred cards are worse than those of the training, and a network rebuilt from an
    ONNX file has its batch norms folded away.
    """

    def __init__(
        self, recipe: TrainRecipe, task: Adaptation, accelerator: Any, ledger: Ledger, pool: Pool
    ) -> None:
        super().__init__(recipe, task, accelerator, ledger)
        self.pool = pool
        if accelerator.num_processes > 1:
            raise ConfigError("finetune runs in one process: start it without torchrun")

    def _begin(self, stage: Stage, pool: Pool, state: dict[str, Any] | None) -> nn.Module:
        model = super()._begin(stage, pool, state)
        for part in self.task.net.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
                part.requires_grad_(requires_grad=False)
        learner = self.ledger.learner
        if state is None and isinstance(learner, Anchored):
            learner.places.copy_(nn.functional.normalize(learner.arcface.weight.detach(), dim=1))
        return model

    def _pool(self, number: int) -> Pool:
        del number
        return self.pool
