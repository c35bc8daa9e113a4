"""What differs between two databases."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cardscanner.match.card_store import StoredCard
from cardscanner.match.database import Database, open_database

_COMPARED = ("name", "version", "model", "model_sha256", "space", "dim", "dtype", "cards", "artworks")


@dataclass(frozen=True, slots=True)
class ChangedCard:
    """A card that both databases have."""

    card_id: str
    fields: dict[str, tuple[str, str]]
    """What is said about it: before and after."""
    vectors: bool
    """Whether its vectors differ."""
    artwork: bool
    """Whether it shares its picture with other cards than before."""


@dataclass(frozen=True, slots=True)
class Difference:
    """From database A to database B."""

    manifest: dict[str, tuple[Any, Any]]
    accept: dict[str, tuple[float, float]]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[ChangedCard, ...]

    def document(self) -> dict[str, Any]:
        """Return it as plain lists and objects."""
        return asdict(self)

    @property
    def same(self) -> bool:
        """Whether both answer alike; names and versions do not count."""
        matter = self.manifest.keys() - {"name", "version"}
        return not (matter or self.accept or self.added or self.removed or self.changed)


def difference(before: Path, after: Path) -> Difference:
    """Compare two database folders, card by card.

    Raises
    ------
    ArtifactError
        One of them cannot be opened.
    """
    with closing(open_database(before)) as a, closing(open_database(after)) as b:
        old = {each.card.card_id: each for each in a.stored_cards()}
        new = {each.card.card_id: each for each in b.stored_cards()}
        twins_old, twins_new = _twins(old), _twins(new)
        pairs = [(old[card_id], new[card_id]) for card_id in old if card_id in new]
        both = old.keys() & new.keys()
        compared = (
            ChangedCard(
                one.card.card_id,
                _fields(one, other),
                vectors=_vectors_differ(a, one, b, other),
                artwork=twins_old[one.card.artwork] & both != twins_new[other.card.artwork] & both,
            )
            for one, other in pairs
        )
        return Difference(
            manifest=_manifests(a, b),
            accept={
                key: (getattr(a.manifest.accept, key), getattr(b.manifest.accept, key))
                for key in ("threshold", "print_gap", "first_rank", "last_rank")
                if getattr(a.manifest.accept, key) != getattr(b.manifest.accept, key)
            },
            added=tuple(card_id for card_id in new if card_id not in old),
            removed=tuple(card_id for card_id in old if card_id not in new),
            changed=tuple(each for each in compared if each.fields or each.vectors or each.artwork),
        )


def _manifests(a: Database, b: Database) -> dict[str, tuple[Any, Any]]:
    pairs = {key: (getattr(a.manifest, key), getattr(b.manifest, key)) for key in _COMPARED}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _twins(cards: dict[str, StoredCard]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    for card_id, each in cards.items():
        found[each.card.artwork].add(card_id)
    return found


def _fields(one: StoredCard, other: StoredCard) -> dict[str, tuple[str, str]]:
    before = {"name": one.card.name, "images": " ".join([one.image, *one.more_images]), **one.card.metadata}
    after = {
        "name": other.card.name, "images": " ".join([other.image, *other.more_images]), **other.card.metadata,
    }  # fmt: skip
    return {
        key: (before.get(key, ""), after.get(key, ""))
        for key in dict.fromkeys([*before, *after])
        if before.get(key, "") != after.get(key, "")
    }


def _vectors_differ(a: Database, one: StoredCard, b: Database, other: StoredCard) -> bool:
    return not np.array_equal(a.vectors_at(one.rows), b.vectors_at(other.rows))
