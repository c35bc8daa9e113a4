"""Tesseract, in this process: letters from a grey picture. Owned by one thread."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cardscanner.errors import ConfigError
from cardscanner.verify.stored import Grey

_LANGUAGE = "eng"
_FOLDERS = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/usr/local/share/tessdata")
_DPI = 200
"""Said so that Tesseract does not guess; digits of 24 pixels are type of 12 points at about this."""


class Tesseract:
    """Reads one picture at a time."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def text(self, picture: Grey) -> str:
        """Return what is written on a picture, empty when nothing is."""
        height, width = picture.shape
        engine = self._engine
        engine.SetImageBytes(picture.tobytes(), width, height, 1, width)
        engine.SetSourceResolution(_DPI)
        return str(engine.GetUTF8Text())

    def close(self) -> None:
        """Free the engine; safe to call twice."""
        self._engine.End()


def open_tesseract() -> Tesseract:
    """Load the engine and its language data.

    Raises
    ------
    ConfigError
        Library or language data are not installed.
    """
    try:
        import tesserocr
    except ImportError as error:
        raise ConfigError(
            f"reading collector numbers needs tesserocr: pip install 'cardscanner[ocr]' ({error})"
        ) from error
    folder = language_folder()
    tesserocr.set_leptonica_log_level(tesserocr.LeptLogLevel.NONE)
    try:
        engine = tesserocr.PyTessBaseAPI(path=str(folder), lang=_LANGUAGE, psm=tesserocr.PSM.SINGLE_BLOCK)
    except RuntimeError as error:
        raise ConfigError(f"{folder}: Tesseract cannot use this language data: {error}") from error
    return Tesseract(engine)


def language_folder() -> Path:
    """Return where the language data lies: ``TESSDATA_PREFIX``, or where distributions put it."""
    given = os.environ.get("TESSDATA_PREFIX")
    root = Path("/")
    places = (
        [Path(given)]
        if given
        else [each for pattern in _FOLDERS for each in sorted(root.glob(pattern[1:]), reverse=True)]
    )
    for each in places:
        if (each / f"{_LANGUAGE}.traineddata").is_file():
            return each
    looked = given or ", ".join(_FOLDERS)
    raise ConfigError(
        f"reading collector numbers needs Tesseract's {_LANGUAGE}.traineddata, which is not in {looked}: "
        "sudo apt install tesseract-ocr-eng, or set TESSDATA_PREFIX"
    )
