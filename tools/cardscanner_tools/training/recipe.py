"""What a training is told: network, cards, stages, losses, when to stop. From files: :mod:`recipe_files`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cardscanner_tools.training.augment_settings import NO_AUGMENTATION, AugmentSettings
from cardscanner_tools.training.recipe_network import NetworkEntry

Share = Annotated[float, Field(ge=0, le=1)]
Figure = Literal[
    "usual_top1", "usual_accepted", "hard_top1", "hard_accepted",
    "usual_cosine", "usual_cosine_p5", "hard_cosine", "hard_cosine_p5", "usual_behind", "hard_behind",
]  # fmt: skip


class Strict(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Cards(Strict):
    """The pool of cards to learn from: rendered ones, and freely licensed faces."""

    count: int = Field(default=8000, ge=2, description="rendered cards")
    seed: int = Field(default=1, ge=0)
    free_faces: Path | None = None
    free_art: Path | None = None


class CaptureMix(Strict):
    """How often each style of :mod:`scene.capture` is drawn; only the proportions count."""

    clean: float = Field(default=0.1, ge=0)
    usual: float = Field(default=0.55, ge=0)
    hard: float = Field(default=0.35, ge=0)
    worst: float = Field(default=0.0, ge=0)
    no_card: Share = Field(
        default=0.0, lt=1, description="share of the examples that show no card and are to be near no class"
    )

    @model_validator(mode="after")
    def _something(self) -> CaptureMix:
        if not sum(self.shares()):
            raise ValueError("at least one of clean, usual, hard, worst must be above 0")
        return self

    def shares(self) -> tuple[float, float, float, float]:
        """Return the weights, easiest first."""
        return self.clean, self.usual, self.hard, self.worst


class LastBlocks(Strict):
    """The head and the last blocks of the backbone learn, the rest stays as it is."""

    last_blocks: int = Field(ge=1)


class Stage(Strict):
    """One part of a training: how long, how fast, which layers, how hard."""

    examples: int | None = Field(default=None, ge=1)
    epochs: float | None = Field(default=None, gt=0, description="passes over the pool instead of examples")
    lr: float = Field(default=1e-3, gt=0)
    lr_floor: Share = Field(default=0.01, description="share of lr at the end of the cosine")
    warmup_steps: int = Field(default=500, ge=0)
    trainable: Literal["head", "all"] | LastBlocks = "all"
    margin: float | None = Field(default=None, ge=0, lt=1.6, description="ArcFace's, in this stage; radians")
    margin_warmup: Share = Field(default=0.1, description="share of the stage in which the margin grows")
    captures: CaptureMix = CaptureMix()
    pool: Cards | None = Field(default=None, description="learn other cards from here on")
    imprint: bool = Field(
        default=False, description="start each class at the embedding of its clean face (weight imprinting)"
    )

    @model_validator(mode="after")
    def _one_length(self) -> Stage:
        if (self.examples is None) == (self.epochs is None):
            raise ValueError("a stage needs either examples or epochs")
        return self


class ArcFaceSettings(Strict):
    """See :class:`losses.ArcFace`."""

    margin: float = Field(default=0.5, ge=0, lt=1.6, description="radians")
    scale: float = Field(default=64.0, gt=0)
    centres: int = Field(default=1, ge=1, description="sub-centres of each class")


class EarlyStopping(Strict):
    """Stop when a validation figure has not grown for a while, and keep the best weights."""

    figure: Figure
    patience: int = Field(ge=1, description="validations without a gain")
    least_gain: float = Field(default=0.0, ge=0)


class Recipe(Strict):
    """What both kinds of training have in common."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    notes: str = ""
    network: NetworkEntry
    cards: Cards = Cards()
    augment: AugmentSettings = NO_AUGMENTATION
    stages: tuple[Stage, ...] = Field(min_length=1)
    seed: int = Field(default=1, ge=0)
    batch: int = Field(default=64, ge=2, description="examples of one step, over all processes")
    accumulate: int = Field(default=1, ge=1, description="parts that a step is split into, for less memory")
    precision: Literal["bf16", "float32"] = "bf16"
    weight_decay: float = Field(default=1e-4, ge=0)
    clip_norm: float = Field(default=5.0, gt=0)
    ema_decay: float | None = Field(default=None, gt=0, lt=1, description="keep an average of the weights")
    save_every: int = Field(default=100, ge=1, description="steps between checkpoints")
    validate_every: int = Field(default=1000, ge=1, description="steps between validations")
    validation_cards: int = Field(default=1200, ge=8, description="drawn cards of the validation gallery")
    early_stopping: EarlyStopping | None = None

    @model_validator(mode="after")
    def _imprint_needs_classes(self) -> Recipe:
        for number, stage in enumerate(self.stages[1:], start=1):
            if stage.imprint and stage.pool is None:
                raise ValueError(
                    f"stages.{number}: imprint starts the classes of a new pool: give the stage a pool"
                )
        return self


class TrainRecipe(Recipe):
    """Learn from the cards' identities."""

    kind: Literal["train"]
    arcface: ArcFaceSettings = ArcFaceSettings()

    @model_validator(mode="after")
    def _no_teacher(self) -> TrainRecipe:
        if self.early_stopping is not None and not self.early_stopping.figure.endswith(("top1", "accepted")):
            raise ValueError(f"early_stopping: {self.early_stopping.figure} needs a teacher: kind: distil")
        return self


class Teacher(Strict):
    """The frozen network to learn from."""

    checkpoint: Path | None = Field(default=None, description="weights that our trainer wrote")
    network: NetworkEntry | None = Field(
        default=None, description="only for weights whose metadata do not say what network they are"
    )
    view: Literal["capture", "clean"] = Field(
        default="capture", description="what it sees: the student's capture, or the clean face"
    )


class Terms(Strict):
    """Weights of the parts of the distillation loss; see :mod:`distillation`."""

    mse: float = Field(default=1.0, ge=0)
    cosine: float = Field(default=0.0, ge=0)
    rkd_distance: float = Field(default=0.0, ge=0)
    rkd_angle: float = Field(default=0.0, ge=0)
    arcface: float = Field(default=0.0, ge=0, description="0 is the pure mode: labels are never looked at")

    @model_validator(mode="after")
    def _not_the_same_twice(self) -> Terms:
        if self.mse and self.cosine:
            raise ValueError(
                "mse and cosine are the same on unit vectors (|a - b|^2 = 2 - 2 cos): set one of them to 0"
            )
        if not any((self.mse, self.cosine, self.rkd_distance, self.rkd_angle)):
            raise ValueError("a student needs at least one of mse, cosine, rkd_distance, rkd_angle")
        return self


class DistilRecipe(Recipe):
    """Learn from a teacher's embeddings."""

    kind: Literal["distil"]
    teacher: Teacher = Teacher()
    terms: Terms = Terms()
    arcface: ArcFaceSettings = ArcFaceSettings(margin=0.3, scale=30.0)

    @model_validator(mode="after")
    def _possible(self) -> DistilRecipe:
        if self.augment.cutmix:
            raise ValueError("augment.cutmix mixes labels, and a student has none: set it to 0")
        if not self.terms.arcface and any(stage.imprint for stage in self.stages):
            raise ValueError("imprint starts ArcFace's classes: set terms.arcface above 0 or leave it out")
        return self
