"""Changes to training crops beyond what a simulated camera does: masks, mixtures, more light and colour.

Every function takes a generator and gives the same answer for the same seed; crops are (H, W, 3) uint8 RGB,
and none is changed in place. :mod:`scene.capture` already turns, tilts, lights and covers the card; what is
here comes on top of it, on the finished crop.

Sources: random erasing, Zhong et al. 2017 (arXiv 1708.04896); GridMask, Chen et al. 2020 (arXiv 2001.04086);
CutMix, Yun et al. 2019 (arXiv 1905.04899).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from cardscanner.records import Batch, Picture
from cardscanner_tools.scene import effects
from cardscanner_tools.training.augment_settings import NO_AUGMENTATION, AugmentSettings, parse_settings

__all__ = ["NO_AUGMENTATION", "AugmentSettings", "apply", "cutmix", "parse_settings"]

Labels = NDArray[np.int64]

NEUTRAL = 127
"""Grey that the network's own normalisation turns into zero: a masked pixel says nothing."""


def apply(rng: Generator, crop: Picture, settings: AugmentSettings) -> Picture:
    """Return the crop after each change that its chance lets happen."""
    if rng.random() < settings.flip_horizontal:
        crop = np.ascontiguousarray(crop[:, ::-1])
    if rng.random() < settings.flip_vertical:
        crop = np.ascontiguousarray(crop[::-1])
    if rng.random() < settings.rotation:
        crop = rotate(rng, crop, settings.rotation_degrees)
    if rng.random() < settings.colour:
        crop = jitter_colour(rng, crop, settings.colour_strength)
    if rng.random() < settings.glare:
        crop = effects.glare(rng, crop, settings.glare_strength)
    if rng.random() < settings.gridmask:
        crop = mask_grid(rng, crop, settings)
    if rng.random() < settings.erasing:
        crop = erase(rng, crop, settings)
    return crop


def rotate(rng: Generator, crop: Picture, most_degrees: float) -> Picture:
    """Turn the crop about its middle."""
    height, width = crop.shape[:2]
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, rng.uniform(-most_degrees, most_degrees), 1.0)
    turned = cv2.warpAffine(crop, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, dtype=np.uint8)


_GREY = np.array([0.299, 0.587, 0.114])
_YIQ = np.array([_GREY, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def jitter_colour(rng: Generator, crop: Picture, strength: float) -> Picture:
    """Change brightness, contrast, saturation and hue: one 3 x 3 matrix and an offset for all pixels."""
    brightness, contrast, saturation = 1 + rng.uniform(-strength, strength, 3)
    angle = rng.uniform(-strength, strength) * math.pi
    turn = np.array(
        [
            [1, 0, 0],
            [0, saturation * math.cos(angle), -saturation * math.sin(angle)],
            [0, saturation * math.sin(angle), saturation * math.cos(angle)],
        ]
    )
    colours = np.linalg.inv(_YIQ) @ turn @ _YIQ * brightness * contrast
    offset = np.full((3, 1), 127.5 * (1 - contrast))
    return np.asarray(cv2.transform(crop, np.hstack([colours, offset])), dtype=np.uint8)


def erase(rng: Generator, crop: Picture, settings: AugmentSettings) -> Picture:
    """Fill one rectangle with noise or with one colour, as often the one as the other."""
    top, left, height, width = rectangle(rng, crop.shape[0], crop.shape[1], settings)
    changed = crop.copy()
    size = (height, width, 3) if rng.random() < 0.5 else (1, 1, 3)
    changed[top : top + height, left : left + width] = rng.integers(0, 256, size, dtype=np.uint8)
    return changed


def rectangle(
    rng: Generator, height: int, width: int, settings: AugmentSettings
) -> tuple[int, int, int, int]:
    """Return top, left, height and width of what random erasing takes out.

    Area and shape are drawn as in the paper; instead of drawing again until it fits, the shape is drawn from
    those that do.
    """
    area = rng.uniform(*settings.erasing_area) * height * width
    flattest = max(settings.erasing_aspect, area / width**2)
    tallest = min(1 / settings.erasing_aspect, height**2 / area)
    aspect = math.exp(rng.uniform(math.log(min(flattest, tallest)), math.log(tallest)))
    tall = min(height, max(1, round(math.sqrt(area * aspect))))
    wide = min(width, max(1, round(area / tall)))
    return int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1)), tall, wide


def mask_grid(rng: Generator, crop: Picture, settings: AugmentSettings) -> Picture:
    """Make a lattice of squares neutral grey: no part of the card is hidden wholly, every part a little."""
    changed = crop.copy()
    changed[grid(rng, crop.shape[0], crop.shape[1], settings)] = NEUTRAL
    return changed


def grid(rng: Generator, height: int, width: int, settings: AugmentSettings) -> NDArray[np.bool_]:
    """Return (H, W) where GridMask hides: squares of period x (1 - kept), the lattice anywhere."""
    period = max(2, round(rng.uniform(*settings.gridmask_period) * min(height, width)))
    side = max(1, round(period * (1 - settings.gridmask_kept)))
    rows = (np.arange(height) + rng.integers(period)) % period < side
    columns = (np.arange(width) + rng.integers(period)) % period < side
    return np.asarray(rows[:, None] & columns[None, :])


def cutmix(
    rng: Generator, crops: Batch, labels: Labels, settings: AugmentSettings
) -> tuple[Batch, Labels, Labels, float]:
    """Paste one rectangle of each crop's partner into it, the same rectangle for the whole batch.

    Returns
    -------
    (B, H, W, 3) crops, the labels (B,) they had, the labels of the partners, and the share of each crop's
    pixels that is still its own. The loss is ``share * loss(labels) + (1 - share) * loss(other_labels)``.
    """
    if rng.random() >= settings.cutmix:
        return crops, labels, labels, 1.0
    height, width = crops.shape[1:3]
    side = math.sqrt(1 - rng.beta(settings.cutmix_alpha, settings.cutmix_alpha))
    # As in the paper, the rectangle may stick out of the picture: its middle, not its corner, is even.
    row, column = int(rng.integers(height)), int(rng.integers(width))
    rows = slice(max(0, row - round(side * height / 2)), row + round(side * height / 2))
    columns = slice(max(0, column - round(side * width / 2)), column + round(side * width / 2))
    partners = rng.permutation(len(crops))
    mixed = crops.copy()
    mixed[:, rows, columns] = crops[partners][:, rows, columns]
    pasted = mixed[0, rows, columns, 0].size
    return mixed, labels, labels[partners], 1 - pasted / (height * width)
