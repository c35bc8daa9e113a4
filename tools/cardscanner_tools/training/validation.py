"""How well the network knows rendered cards that it has never seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cardscanner.records import Batch, Picture, Vectors
from cardscanner.rectify import rectify, whole_picture_corners
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene.capture import HARD, USUAL, CaptureStyle, capture
from cardscanner_tools.training.network import SIDE


@dataclass(frozen=True, slots=True, eq=False)
class Validation:
    """A gallery of unseen cards, captures of half of it, and captures of cards that are not in it."""

    gallery: NDArray[np.uint8]
    known: dict[str, NDArray[np.uint8]]
    unknown: dict[str, NDArray[np.uint8]]

    @classmethod
    def render(cls, seed: int, cards: int, side: int = SIDE) -> Validation:
        """Render everything from the seed; a quarter as many queries as cards, and no reprints."""
        queries = cards // 4
        faces = [render_card(spec) for spec in catalogue(cards + queries, seed, reprint_share=0.0)]
        gallery = np.stack([rectify(face, whole_picture_corners(face), side, side) for face in faces[:cards]])
        styles = {"usual": USUAL, "hard": HARD}
        draw = np.random.default_rng([seed, 7])

        def captured(some: list[Picture], style: CaptureStyle) -> Batch:
            return np.stack([capture(draw, face, style, side) for face in some])

        known = {name: captured(faces[:queries], style) for name, style in styles.items()}
        unknown = {name: captured(faces[cards:], style) for name, style in styles.items()}
        return cls(gallery, known, unknown)

    def measure(self, net: nn.Module) -> dict[str, float]:
        """Top-1, and the share accepted and right when 1 % of unknown cards are accepted, by style."""
        references = embed(net, self.gallery)
        result = {}
        for style, crops in self.known.items():
            scores = embed(net, crops) @ references.T
            foreign = _margins(embed(net, self.unknown[style]) @ references.T)
            right = scores.argmax(1) == np.arange(len(scores))
            limit = np.quantile(foreign, 0.99)
            result[f"{style}_top1"] = float(right.mean())
            result[f"{style}_accepted"] = float((right & (_margins(scores) > limit)).mean())
        return result


def _margins(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    best = -np.sort(-scores, axis=1)[:, :11]
    return np.asarray(best[:, 0] - best[:, 1:].mean(axis=1), dtype=np.float32)


@torch.no_grad()
def embed(net: nn.Module, crops: Batch) -> Vectors:
    """Return the network's answers; it is in evaluation mode afterwards."""
    net.eval()
    device = next(net.parameters()).device
    parts = [net(torch.from_numpy(crops[at : at + 64]).to(device)).cpu() for at in range(0, len(crops), 64)]
    return np.asarray(torch.cat(parts).float().numpy(), dtype=np.float32)
