"""The learned finder behind its seam: a folder with a small network, run by ONNX Runtime."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cardscanner.config import FinderConfig
from cardscanner.detect.contours import find_and_remember
from cardscanner.detect.corner_finder import Network, look, on_edges
from cardscanner.detect.corner_maps import CHANNELS
from cardscanner.detect.effort import THOROUGH
from cardscanner.detect.field import Floats
from cardscanner.detect.guided import Place, settle
from cardscanner.detect.portrait import portrait_corners
from cardscanner.detect.pyramid import Pyramid
from cardscanner.errors import ArtifactError, FinderFailed
from cardscanner.manifest import load_finder_manifest, verified
from cardscanner.onnx_network import open_network
from cardscanner.records import Picture, Quad
from cardscanner.shipped import shipped_finder

_FILE = "corners.onnx"
_TAKES = "tensor(uint8) (any, any, any, 3)"
_GIVES = f"tensor(float) (any, any, any, {CHANNELS})"


def open_corners(config: FinderConfig) -> CornerFinder:
    """Load the corner network of a folder; :class:`ArtifactError` when it is damaged or another kind."""
    folder = config.model or shipped_finder()
    manifest = load_finder_manifest(folder)
    path = verified(folder, manifest.files, _FILE)
    network = open_network(path, 1, FinderFailed)
    if network.inputs != [_TAKES] or network.outputs != [_GIVES]:
        raise ArtifactError(
            f"{path} takes {'; '.join(network.inputs)} and gives {'; '.join(network.outputs)}, but a corner "
            f"network takes {_TAKES} and gives {_GIVES}: export it again (cardscanner-tools export-corners)"
        )
    return CornerFinder(network, config.effort, manifest.side_px[config.effort], config.min_confidence)


class CornerFinder:
    """Finds cards by one look of a network; see :class:`cardscanner.ports.Finder`."""

    def __init__(
        self, network: Network, effort: Literal["live", "thorough"], side_px: int, min_confidence: float
    ) -> None:
        self._network = network
        self._effort = effort
        self._side_px = side_px
        self._least = min_confidence

    def find(self, picture: Picture) -> list[Quad]:
        """Return outlines, best first."""
        quads, confidence = look(picture, self._network, self._side_px, self._least)
        if len(quads) == 0:
            return []
        height, width = picture.shape[:2]
        return [
            Quad(
                portrait_corners(place.corners, width, height),
                float(value),
                tuple(portrait_corners(each, width, height) for each in place.others),
            )
            for place, value in zip(self._places(picture, quads), confidence, strict=True)
        ]

    def _places(self, picture: Picture, quads: Floats) -> list[Place]:
        if self._effort == "live":
            return [Place(quad, ()) for quad in on_edges(picture, quads)]
        _, pool = find_and_remember(picture, THOROUGH)
        pyramid = Pyramid(picture)
        places = [settle(pyramid, quad, pool) for quad in quads]
        exact = on_edges(picture, np.stack([place.corners for place in places]))
        return [Place(corners, place.others) for corners, place in zip(exact, places, strict=True)]
