"""A network as a recipe names it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

CARDNET = "cardnet"
_CARDNET_SIDE = 224
Colour = tuple[float, float, float]


class NetworkEntry(BaseModel):
    """Backbone, geometry, weights and licence; always uint8 RGB pixels in, ``dim`` unit vectors out."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="of the weights files")
    source: str = Field(description="`cardnet` (our own, network.py) or the name of a timm model")
    size: int = Field(default=224, ge=16, description="height and width of the input")
    patch: int | None = Field(default=None, ge=1, description="of a vision transformer")
    pooling: Literal["own", "token", "average"] = Field(default="own", description="own: as the network does")
    features: int = Field(ge=8, description="what the backbone gives, before the projection")
    dim: int = Field(default=768, ge=8)
    head: Literal["own", "linear", "mlp"] = "linear"
    dropout: float = Field(default=0.0, ge=0, lt=1, description="in an mlp head")
    mean: Colour = Field(description="of red, green and blue pixels, 0 to 255; subtracted inside")
    std: Colour = Field(description="what is divided by, inside")
    licence: str
    weights: Path | None = Field(
        default=None, description="pre-trained backbone, a local file; without it: random numbers"
    )
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$", description="of the weights file")
    checkpoint: Path | None = Field(default=None, description="start from a network that our trainer wrote")
    options: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="further arguments of timm.create_model, say depth"
    )

    @model_validator(mode="after")
    def _geometry(self) -> NetworkEntry:
        if self.patch is not None and self.size % self.patch:
            fitting = self.size // self.patch * self.patch
            raise ValueError(
                f"size {self.size} is not a multiple of patch {self.patch}: "
                f"use {fitting} or {fitting + self.patch}"
                " (every DINOv3 transformer has patch 16, so 256 or 512; 518 = 37 * 14 is DINOv2's)"
            )
        if self.source == CARDNET and (self.size != _CARDNET_SIDE or self.head != "own"):
            raise ValueError(f"cardnet has size {_CARDNET_SIDE} and head: own")
        if self.source != CARDNET and self.head == "own":
            raise ValueError("head: linear or mlp: only cardnet has a projection of its own")
        return self
