"""What is learnt: cards from their labels, or a teacher's embeddings. The loop around it: :mod:`engine`."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor, nn

from cardscanner.errors import ConfigError
from cardscanner_tools.training.agreement import Agreement
from cardscanner_tools.training.captures import (
    Captures,
    Collate,
    CollateCaptures,
    Drawing,
    Views,
    collate_views,
)
from cardscanner_tools.training.distillation import distillation_loss
from cardscanner_tools.training.losses import ArcFace
from cardscanner_tools.training.networks import build, load_network
from cardscanner_tools.training.recipe import ArcFaceSettings, DistilRecipe, Terms, TrainRecipe
from cardscanner_tools.training.validation import Validation
from cardscanner_tools.training.weights import read_about, read_entry

_VALIDATION_SEED = 1000
Figures = dict[str, Tensor]


class Task(Protocol):
    """What the engine needs to know."""

    net: nn.Module
    arcface: ArcFace | None
    collate: Collate

    def learner(self, classes: int | None) -> nn.Module:
        """Return a module whose forward gives loss and figures; ``None``: keep the classes there are."""

    def examples(self, drawing: Drawing) -> Any:
        """Return the data set."""

    def inputs(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return what the learner's forward takes; called without gradients."""

    @property
    def largest_margin(self) -> float:
        """ArcFace's margin where a stage names none."""

    def to_device(self, device: Any) -> None:
        """Move what does not learn."""

    def prepare(self) -> None:
        """Get ready to measure."""

    def measure(self, net: nn.Module) -> dict[str, float]:
        """Return the validation figures of a network."""

    def about(self) -> dict[str, Any]:
        """Return what the weights' metadata say about this task."""


class Classifying(nn.Module):
    """Network and classes."""

    def __init__(self, net: nn.Module, arcface: ArcFace) -> None:
        super().__init__()
        self.net, self.arcface = net, arcface

    def forward(self, crops: Tensor, labels: Tensor, others: Tensor, share: Tensor) -> tuple[Tensor, Figures]:
        """Return loss and figures of a batch of :class:`CollateCaptures`."""
        vectors = self.net(crops)
        loss, right = self.arcface(vectors, labels)
        if share.item() < 1:
            loss = share * loss + (1 - share) * self.arcface(vectors, others)[0]
        return loss, {"train_top1": right.detach()}


class Distilling(nn.Module):
    """A student and, outside the pure mode, classes."""

    def __init__(self, net: nn.Module, terms: Terms, arcface: ArcFace | None) -> None:
        super().__init__()
        self.net, self.terms, self.arcface = net, terms, arcface

    def forward(self, crops: Tensor, wanted: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Figures]:
        """Return loss and figures; ``wanted`` are the teacher's (B, dim) unit vectors."""
        vectors = self.net(crops)
        loss = distillation_loss(vectors, wanted, self.terms)
        figures = {"train_cosine": (vectors * wanted).sum(dim=1).mean().detach()}
        if self.arcface is not None and labels is not None:
            extra, right = self.arcface(vectors, labels)
            loss = loss + self.terms.arcface * extra
            figures["train_top1"] = right.detach()
        return loss, figures


class Classification:
    """Learning from labels."""

    def __init__(self, recipe: TrainRecipe) -> None:
        self.recipe = recipe
        self.net = build(recipe.network)
        self.arcface: ArcFace | None = None
        self.collate: Collate = CollateCaptures(recipe.seed, recipe.augment)
        self.validation: Validation | None = None

    def learner(self, classes: int | None) -> nn.Module:
        """See :class:`Task`."""
        if classes is not None or self.arcface is None:
            self.arcface = _classes(self.recipe.network.dim, classes, self.recipe.arcface)
        return Classifying(self.net, self.arcface)

    def examples(self, drawing: Drawing) -> Captures:
        """See :class:`Task`."""
        return Captures(drawing, self.recipe.network.size)

    def inputs(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """See :class:`Task`."""
        return batch

    @property
    def largest_margin(self) -> float:
        """See :class:`Task`."""
        return self.recipe.arcface.margin

    def to_device(self, device: Any) -> None:
        """Nothing here does not learn."""

    def prepare(self) -> None:
        """See :class:`Task`."""
        self.validation = _validation(self.recipe, self.recipe.network.size)

    def measure(self, net: nn.Module) -> dict[str, float]:
        """See :class:`Task`."""
        assert self.validation is not None, "prepare() comes first"  # noqa: S101
        return self.validation.measure(net)

    def about(self) -> dict[str, Any]:
        """See :class:`Task`."""
        return {}


class Distillation:
    """Learning from a frozen teacher; in the pure mode no label is ever read."""

    def __init__(self, recipe: DistilRecipe) -> None:
        if recipe.teacher.checkpoint is None:
            raise ConfigError(
                "teacher.checkpoint: this key is needed: a network that `train` wrote (--teacher FILE)"
            )
        self.recipe = recipe
        self.entry = recipe.teacher.network or read_entry(recipe.teacher.checkpoint)
        if self.entry.dim != recipe.network.dim:
            raise ConfigError(
                f"network.dim: the teacher has {self.entry.dim} values, the student {recipe.network.dim}"
            )
        self.teacher = load_network(recipe.teacher.checkpoint, self.entry).requires_grad_(requires_grad=False)
        self.net = build(recipe.network)
        self.arcface: ArcFace | None = None
        self.collate: Collate = collate_views
        self.agreement: Agreement | None = None

    def learner(self, classes: int | None) -> nn.Module:
        """See :class:`Task`."""
        if self.recipe.terms.arcface and (classes is not None or self.arcface is None):
            self.arcface = _classes(self.recipe.network.dim, classes, self.recipe.arcface)
        return Distilling(self.net, self.recipe.terms, self.arcface)

    def examples(self, drawing: Drawing) -> Views:
        """See :class:`Task`."""
        clean = self.recipe.teacher.view == "clean"
        size, labels = self.recipe.network.size, self.recipe.terms.arcface > 0
        return Views(drawing, size, self.entry.size, clean_teacher=clean, labels=labels)

    def inputs(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """See :class:`Task`."""
        crops, shown, *labels = batch
        return (crops, self.teacher(shown), *labels)

    @property
    def largest_margin(self) -> float:
        """See :class:`Task`."""
        return self.recipe.arcface.margin

    def to_device(self, device: Any) -> None:
        """See :class:`Task`."""
        self.teacher.to(device)

    def prepare(self) -> None:
        """See :class:`Task`."""
        student = _validation(self.recipe, self.recipe.network.size)
        same = self.entry.size == self.recipe.network.size
        teacher = student if same else _validation(self.recipe, self.entry.size)
        self.agreement = Agreement(student, teacher, self.teacher)

    def measure(self, net: nn.Module) -> dict[str, float]:
        """See :class:`Task`."""
        assert self.agreement is not None, "prepare() comes first"  # noqa: S101
        return self.agreement.measure(net)

    def about(self) -> dict[str, Any]:
        """See :class:`Task`."""
        assert self.recipe.teacher.checkpoint is not None, "checked at the start"  # noqa: S101
        about = read_about(self.recipe.teacher.checkpoint)
        return {
            "teacher": {
                "name": self.entry.name, "licence": self.entry.licence, "step": about.get("step"),
                "figures": about.get("figures"),
            }
        }  # fmt: skip


def _classes(dim: int, classes: int | None, settings: ArcFaceSettings) -> ArcFace:
    assert classes is not None, "the first stage brings its classes"  # noqa: S101
    return ArcFace(dim, classes, settings.scale, settings.margin, settings.centres)


def _validation(recipe: TrainRecipe | DistilRecipe, size: int) -> Validation:
    return Validation.render(recipe.seed + _VALIDATION_SEED, recipe.validation_cards, size)
