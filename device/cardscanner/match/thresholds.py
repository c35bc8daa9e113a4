"""The smallest threshold at which not too much goes wrong, and how much may."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FALSE_ACCEPTS = {"unknown": 0.01, "upside_down": 0.005, "not_cards": 0.005}
"""Share of simulated captures that may be accepted, by kind.

Unknown cards get 1 %: the worst half per cent of them are other prints of a picture that nobody labelled as
such. A threshold that keeps those out rejected every fourth known card on photographs.
"""
WRONG_PRINTS = 0.01


def smallest_threshold(impostors: NDArray[np.float64], share: float) -> float:
    """Return the smallest value that at most ``share`` of the scores reach; 0 when there are none."""
    if not len(impostors):
        return 0.0
    highest = np.sort(impostors)[::-1][int(share * len(impostors))]
    return float(np.nextafter(highest, np.inf))


def smallest_gap(leads: NDArray[np.float64], right: NDArray[np.bool_], share: float) -> float:
    """Return the smallest lead from which at most ``share`` of the answers are a wrong print."""
    order = np.argsort(-leads, kind="stable")
    falling, wrong = leads[order], np.cumsum(~right[order])
    ends_a_tie = np.append(falling[1:] < falling[:-1], True)
    good = np.flatnonzero(ends_a_tie & (wrong <= share * np.arange(1, len(leads) + 1)))
    if not len(good):
        return float(np.nextafter(falling[0], np.inf))
    return float(falling[good[-1]])


def share_of(those: NDArray[np.bool_]) -> float:
    """Return the share that is true, 0 of nothing."""
    return round(float(np.mean(those)), 4) if len(those) else 0.0
