"""Reading still pictures: upright RGB, or a clear reason why not."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cardscanner.errors import InputError
from cardscanner.records import Picture

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"})
MAX_PIXELS = 80_000_000


def read_picture(path: Path) -> Picture:
    """Decode a picture into (H, W, 3) RGB uint8, turned as its EXIF data says.

    Raises
    ------
    InputError
        Missing, empty, truncated, larger than :data:`MAX_PIXELS`, or not a picture at all.
    """
    if path.suffix.lower() in {".heic", ".heif"}:
        _enable_heif(path)
    try:
        with warnings.catch_warnings():
            # Pillow only warns up to twice its own limit; ours is checked below, before any decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _check_size(path, image.size)
                upright = ImageOps.exif_transpose(image).convert("RGB")
        return np.array(upright)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except UnidentifiedImageError:
        what = "the file is empty" if path.stat().st_size == 0 else "not a picture in a format that we read"
        raise InputError(f"{path}: {what} (JPEG, PNG, WebP; HEIC with pillow-heif)") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: the picture cannot be decoded: {error}") from error


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path}: {width} x {height} = {width * height / 1e6:.0f} megapixels; "
            f"the limit is {MAX_PIXELS / 1e6:.0f}: scale the picture down"
        )


def _enable_heif(path: Path) -> None:
    if importlib.util.find_spec("pillow_heif") is None:
        raise InputError(f"{path}: reading HEIC needs the package pillow-heif: pip install pillow-heif")
    import pillow_heif

    pillow_heif.register_heif_opener()
