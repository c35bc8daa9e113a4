"""The worst confusions as pictures: what was seen, what was answered, what was right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cardscanner_tools.evaluate.findings import Shown
from cardscanner_tools.evaluate.ranking import Ranking
from cardscanner_tools.evaluate.readings import Crops
from cardscanner_tools.evaluate.rendered import RenderedCards

_SHOWN = 6
_SIDE_PX = 224


def worst(
    title: str, crops: Crops, ranking: Ranking, cards: RenderedCards, pick: NDArray[np.int64]
) -> list[tuple[str, list[Shown]]]:
    """Return the most confident wrong answers of one condition as a gallery; nothing when all are right."""
    own = cards.artworks[pick]
    wrong = np.flatnonzero(cards.artworks[ranking.rows[:, 0]] != own)
    if not len(wrong):
        return []
    margins = ranking.margins(cards.artworks)
    order = wrong[np.argsort(-margins[wrong], kind="stable")][:_SHOWN]
    references = cards.crops()
    figures: list[Shown] = []
    for number in order:
        answer, right = int(ranking.rows[number, 0]), int(pick[number])
        words = (
            f"seen: {cards.specs[right].card_id} | answered: {cards.specs[answer].card_id}, "
            f"cosine {ranking.scores[number, 0]:.3f}, margin {margins[number]:.3f} | right card"
        )
        pictures = [
            crops.crop(int(number), _SIDE_PX, _SIDE_PX),
            references.crop(answer, _SIDE_PX, _SIDE_PX),
            references.crop(right, _SIDE_PX, _SIDE_PX),
        ]
        figures.append((words, pictures))
    return [(f"{title}: {len(wrong)} of {len(pick)} wrong (seen, answered, right)", figures)]
