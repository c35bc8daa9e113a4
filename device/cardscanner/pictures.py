"""Reading still pictures: upright RGB, or a clear reason why not."""

from __future__ import annotations

import importlib.util
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cardscanner.errors import InputError
from cardscanner.records import Picture

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"})
MAX_PIXELS = 80_000_000
MAX_SIDE_PX = 32_000
"""OpenCV warps nothing that is 32,768 pixels wide or more."""

_FORMATS = ("JPEG", "PNG", "WEBP")
"""Whatever a file is called, it is read as one of these: Pillow would hand PostScript to Ghostscript."""

_HEIF_SUFFIXES = frozenset({".heic", ".heif"})

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its EXIF orientation."""

_DAMAGED = (
    OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError, EOFError,
    struct.error, zlib.error,
)  # fmt: skip
"""Pillow lets out whatever its parsing of a damaged file runs into."""


def read_picture(path: Path) -> Picture:
    """Decode a picture into (H, W, 3) RGB uint8, turned as its EXIF data says, transparency on white.

    Raises
    ------
    InputError
        Missing, empty, truncated, larger than :data:`MAX_PIXELS`, or not a picture at all.
    """
    heif = path.suffix.lower() in _HEIF_SUFFIXES
    if heif:
        _enable_heif(path)
    try:
        with warnings.catch_warnings():
            # Remarks on damaged metadata, and on sizes below Pillow's own limit: ours is checked here.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=(*_FORMATS, "HEIF") if heif else _FORMATS) as image:
                _check_size(path, image.size)
                return np.array(_opaque(_upright(image)))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except UnidentifiedImageError:
        what = "the file is empty" if path.stat().st_size == 0 else "not a picture in a format that we read"
        raise InputError(f"{path}: {what} (JPEG, PNG, WebP; HEIC with pillow-heif)") from None
    except Image.DecompressionBombError:
        raise InputError(
            f"{path}: far more than {MAX_PIXELS / 1e6:.0f} megapixels: scale the picture down"
        ) from None
    except _DAMAGED as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: the picture cannot be decoded: {why}") from error


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path}: {width} x {height} = {width * height / 1e6:.0f} megapixels; "
            f"the limit is {MAX_PIXELS / 1e6:.0f}: scale the picture down"
        )
    if max(size) > MAX_SIDE_PX:
        raise InputError(
            f"{path}: {width} x {height}; the limit is {MAX_SIDE_PX} pixels a side: scale the picture down"
        )


def _upright(image: Image.Image) -> Image.Image:
    turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _opaque(image: Image.Image) -> Image.Image:
    """Return the picture as RGB; what can be seen through shows white, as on paper."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip at 255
        image = Image.fromarray((np.asarray(image) // 256).clip(0, 255).astype(np.uint8))
    elif image.mode in {"LA", "PA", "RGBA"} or "transparency" in image.info:
        seen = image.convert("RGBA")
        image = Image.new("RGBA", seen.size, "white")
        image.alpha_composite(seen)
    return image if image.mode == "RGB" else image.convert("RGB")


def _enable_heif(path: Path) -> None:
    if importlib.util.find_spec("pillow_heif") is None:
        raise InputError(f"{path}: reading HEIC needs the package pillow-heif: pip install pillow-heif")
    import pillow_heif

    pillow_heif.register_heif_opener()
