"""A table for testing decisions: cards are random vectors, views of them are noisy, time is a number."""

from __future__ import annotations

import numpy as np

from cardscanner.config import DecideConfig
from cardscanner.decide import Decider
from cardscanner.manifest import AcceptRule
from cardscanner.records import Card, Frame, Neighbour, Quad, ScanEvent, Sighting

DIM = 64
RULE = AcceptRule(threshold=0.35, print_gap=0.05)
BLANK = np.zeros((4, 4, 3), np.uint8)


class Tabletop:
    """Drives a decider frame by frame at ``fps``; cards are named by number, ``None`` is an unknown card."""

    def __init__(self, cards: int = 40, twins: int = 0, fps: float = 10, seed: int = 0, **config) -> None:
        self.rng = np.random.default_rng(seed)
        self.references = units(self.rng, cards)
        artworks = list(range(cards))
        for number in range(twins):  # card 0 and its reprints look the same
            self.references[1 + number] = self.references[0]
            artworks[1 + number] = 0
        self.cards = [Card(f"c{n}", f"Card {n}", artworks[n]) for n in range(cards)]
        self.config = DecideConfig(**config)
        self.decider = Decider(self.config, RULE, self.cards.__getitem__, self.search, "test")
        self.step_ns = round(1e9 / fps)
        self.now_ns = 0
        self.seq = 0
        self.stranger = units(self.rng, 1)[0]
        surfaces = units(self.rng, 50)
        self.bare = surfaces[(surfaces @ self.references.T).max(axis=1).argmin()]
        self.events: list[ScanEvent] = []

    def search(self, vector):
        cosines = self.references @ vector
        order = np.argsort(-cosines)[:30]
        return tuple(Neighbour(int(row), float(cosines[row])) for row in order)

    def view(self, card, at=(100.0, 100.0), noise=0.4, size=100.0, spoilt=0.0) -> Sighting:
        """One sighting of a card lying at a place."""
        clean = self.stranger if card is None else self.references[card]
        vector = clean + noise * units(self.rng, 1)[0] + spoilt
        vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        x, y = at
        corners = np.array(
            [[x, y], [x + size, y], [x + size, y + 1.4 * size], [x, y + 1.4 * size]], np.float32
        )
        corners += self.rng.normal(0, 0.5, (4, 2)).astype(np.float32)
        return Sighting(Quad(corners, 0.9), False, vector, self.search(vector))

    def frame(self, *sightings: Sighting, hidden=(), skip_s: float = 0.0) -> list[ScanEvent]:
        """One frame; ``hidden`` are pairs (card, place) whose outline nobody finds but whose picture shows."""
        self.now_ns += self.step_ns + round(skip_s * 1e9)
        self.seq += 1
        places = self.decider.places_to_check([each.quad.corners for each in sightings])
        checks = []
        for corners in places:
            under = [card for card, at in hidden if np.allclose(corners[0], at, atol=20)]
            checks.append(self.view(under[0], at=tuple(corners[0])) if under else self.table(corners))
        events = self.decider.update(Frame(BLANK, self.seq, self.now_ns, "test"), sightings, checks)
        self.events += events
        return events

    def table(self, corners) -> Sighting:
        """What the empty table looks like at a place: like no card, and alike in every frame."""
        vector = units(self.rng, 1)[0] * 0.4 + self.bare
        vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        return Sighting(Quad(corners, 0.0), False, vector, self.search(vector))

    def show(self, seconds: float, *cards, at=((100.0, 100.0),), **view) -> None:
        """Let cards lie at places for a while."""
        for _ in range(round(seconds * 1e9 / self.step_ns)):
            self.frame(*(self.view(card, place, **view) for card, place in zip(cards, at, strict=True)))

    def nothing(self, seconds: float) -> None:
        """An empty table for a while."""
        for _ in range(round(seconds * 1e9 / self.step_ns)):
            self.frame()

    def reported(self) -> list[str]:
        """What was sent so far: ``c7``, ``?`` for ambiguous, ``-`` for no match."""
        names = {"ambiguous": "?", "no_match": "-"}
        return [
            each.verdict.card.card_id if each.verdict.card else names[each.verdict.decision]
            for each in self.events
        ]


def units(rng, count):
    vectors = rng.standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
