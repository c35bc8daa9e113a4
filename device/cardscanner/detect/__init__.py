"""Finding cards: frame -> quads."""

from __future__ import annotations

from cardscanner.config import FinderConfig
from cardscanner.detect.portrait import portrait_corners
from cardscanner.errors import ConfigError
from cardscanner.ports import Finder
from cardscanner.records import Picture, Quad
from cardscanner.rectify import whole_picture_corners


def open_finder(config: FinderConfig) -> Finder:
    """Open the finder that the configuration names; its thread must be the one that calls this.

    Raises
    ------
    ArtifactError
        The folder of the corner network is incomplete, damaged, or not of this kind.
    """
    match config.backend:
        case "contours":
            from cardscanner.detect.contours import ContourFinder

            return ContourFinder(config.effort, config.min_confidence)
        case "corners":
            from cardscanner.detect.corners import open_corners

            return open_corners(config)
        case _:
            raise ConfigError(f"finder.backend {config.backend!r} is unknown; allowed: contours, corners")


def find_cards(picture: Picture, finder: Finder, config: FinderConfig) -> list[Quad]:
    """Return at most ``config.max_cards`` outlines, see :class:`cardscanner.ports.Finder`.

    With ``config.whole_picture``, a picture in which nothing is found is itself taken for one card.
    """
    quads = finder.find(picture)
    if not quads and config.whole_picture:
        height, width = picture.shape[:2]
        return [Quad(portrait_corners(whole_picture_corners(picture), width, height), config.min_confidence)]
    return quads[: config.max_cards]
