"""The model and the demo database that come with the project, for commands that are given none."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from cardscanner.config import FinderConfig
from cardscanner.errors import ArtifactError

_PAGE = 100
"""A photo may show a whole page of cards."""
_UNSURE = 0.3
"""Confidence of the corner network from which the embedder is asked: in a photo, time is no matter."""
DEFAULT_FINDER = "DEFAULT_FINDER"
DEFAULT = "DEFAULT"
"""A file beside the artifacts that names the one to use, e.g. ``cardnet/0.2.0``."""


def shipped_model() -> Path:
    """Return the folder of the shipped model."""
    return _shipped("models")


def shipped_finder() -> Path:
    """Return the folder of the shipped corner network."""
    return _shipped("models", DEFAULT_FINDER)


def photo_finder(backend: Literal["contours", "corners"] = "corners", *, whole: bool = False) -> FinderConfig:
    """Return how cards are sought in still photographs: thoroughly, by default with the shipped network."""
    sure = FinderConfig().min_confidence
    return FinderConfig(
        backend=backend,
        effort="thorough",
        min_confidence=_UNSURE if backend == "corners" else sure,
        whole_picture=whole,
        max_cards=_PAGE,
    )


def shipped_database() -> Path:
    """Return the folder of the shipped demo database."""
    return _shipped("db")


def shipped_folder(name: str) -> Path:
    """Return a folder of the project by its name, e.g. ``demo``."""
    for root in _roots():
        if (root / name).is_dir():
            return root / name
    raise ArtifactError(f"the folder {name}/ is not here (looked in {', '.join(map(str, _roots()))})")


def _shipped(kind: str, default: str = DEFAULT) -> Path:
    tried = []
    for root in _roots():
        mark = root / kind / default
        if mark.is_file():
            return root / kind / mark.read_text(encoding="utf-8").strip()
        tried.append(str(mark))
    raise ArtifactError(
        f"no shipped {kind} found (looked for {', '.join(tried)}): name a folder on the command line or "
        "in the configuration, or point CARDSCANNER_HOME at the folder that holds models/ and db/"
    )


def _roots() -> list[Path]:
    home = os.environ.get("CARDSCANNER_HOME")
    if home:
        return [Path(os.path.expanduser(home))]  # noqa: PTH111 - Path.expanduser raises for an unknown user
    checkout, beside_venv = Path(__file__).resolve().parents[2], Path(sys.prefix).resolve().parent
    return list(dict.fromkeys([checkout, beside_venv, Path("/usr/share/cardscanner")]))
