"""What augmentation does how often and how strongly: :class:`AugmentSettings`, and reading it from words."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cardscanner.errors import InputError

Chance = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


class AugmentSettings(BaseModel):
    """Chances per crop (CutMix: per batch) and strengths; a chance of 0 switches a change off.

    Flips are off because cards read from left to right: a mirrored card is no card that exists.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    flip_horizontal: Chance = 0.0
    flip_vertical: Chance = 0.0
    colour: Chance = Field(default=0.3, description="brightness, contrast, saturation and hue")
    colour_strength: float = Field(
        default=0.15, ge=0, le=1, description="largest change of each, as a share; hue: of half a turn"
    )
    rotation: Chance = Field(default=0.2, description="a turn about the middle; the border is repeated")
    rotation_degrees: float = Field(default=4.0, ge=0, le=45, description="largest turn, either way")
    erasing: Chance = Field(default=0.25, description="one rectangle becomes noise or one colour")
    erasing_area: tuple[Share, Share] = Field(
        default=(0.02, 0.2), description="share of the crop, from and to"
    )
    erasing_aspect: float = Field(
        default=0.3, gt=0, le=1, description="flattest height / width; 1 / it: tallest"
    )
    gridmask: Chance = Field(default=0.1, description="a lattice of squares becomes neutral grey")
    gridmask_period: tuple[Share, Share] = Field(
        default=(0.2, 0.6), description="distance of the squares as a share of the shorter side, from and to"
    )
    gridmask_kept: Share = Field(default=0.6, description="share of each period, along a side, that is left")
    glare: Chance = Field(default=0.1, description="the image of a lamp")
    glare_strength: float = Field(default=1.0, gt=0, le=3)
    cutmix: Chance = Field(default=0.0, description="of a batch: a rectangle of each crop comes from another")
    cutmix_alpha: float = Field(
        default=1.0, gt=0, description="of the Beta distribution of the share; 1: even"
    )

    @field_validator("erasing_area", "gridmask_period")
    @classmethod
    def _in_order(cls, limits: tuple[float, float]) -> tuple[float, float]:
        low, high = limits
        if low > high:
            raise ValueError(f"from {low} is more than to {high}")
        return limits


NO_AUGMENTATION = AugmentSettings(colour=0, rotation=0, erasing=0, gridmask=0, glare=0, cutmix=0)


def parse_settings(text: str) -> AugmentSettings:
    """Read ``default``, ``none``, or either with changes: ``none,erasing=0.3,erasing_area=0.1:0.2``.

    Changes alone start from the defaults. :class:`InputError` names what is unknown or out of range.
    """
    first, *rest = [word.strip() for word in text.split(",")]
    starts = {"default": AugmentSettings(), "none": NO_AUGMENTATION}
    changes = rest if first in starts else [first, *rest]
    values: dict[str, object] = starts.get(first, AugmentSettings()).model_dump()
    for change in changes:
        name, sign, value = change.partition("=")
        if not sign:
            raise InputError(
                f"augmentation {change!r}: write default, none or name=value, separated by commas"
            )
        values[name] = value.split(":") if ":" in value else value
    try:
        return AugmentSettings.model_validate(values)
    except ValidationError as error:
        first_error = error.errors()[0]
        name = ".".join(str(part) for part in first_error["loc"])
        allowed = ", ".join(AugmentSettings.model_fields)
        raise InputError(f"augmentation {name}: {first_error['msg']} (there are {allowed})") from None
