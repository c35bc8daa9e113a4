"""Small pictures of cards that are added to a database, and what is special about each; see :mod:`looks`.

The maps of cards that were there before stay: that an added card looks like one of them is known to the added
one alone, until the next build. For telling two prints apart, the map of either is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardscanner.files import replacing
from cardscanner.match.card_rows import Reference
from cardscanner.match.database import Database
from cardscanner.match.exact import exact_index
from cardscanner.match.looks import DEPTH, LIKE_IT, TWINS
from cardscanner.match.opening import with_changes
from cardscanner.match.unit_vectors import Stored, units_at
from cardscanner.pictures import read_picture
from cardscanner.verify.layered import LayeredPictures
from cardscanner.verify.maps import own_map, print_map
from cardscanner.verify.stored import Entry, Pictures, Values, open_pictures
from cardscanner.verify.storing import encode_reference, write_maps, write_pictures


@dataclass(frozen=True, slots=True, eq=False)
class AddedRows:
    """What comes to a database, row by row."""

    references: Sequence[Reference]
    vectors: Stored
    artworks: Sequence[int]
    entries: Sequence[Entry | None]
    """What is stored of a row already; ``None``: its picture is to be read."""


def write_change_pictures(
    path: Path, database: Database, pictures: Pictures, stay: Sequence[int], added: AddedRows
) -> None:
    """Write the pictures of a change: of rows that ``stay`` from changes before, then of the added ones."""
    old = [pictures.entry(row) for row in stay]
    data = [each.data for each in old]
    for reference, entry in zip(added.references, added.entries, strict=True):
        data.append(entry.data if entry else encode_reference(read_picture(reference.path)))
    with replacing(path) as temporary:
        write_pictures(temporary, data, len(data))
        with closing(open_pictures(temporary, len(data))) as fresh:
            # As if the added rows followed all that the database has now.
            both = LayeredPictures(pictures, fresh)
            maps = _Maps(database, both, added, first=len(pictures) + len(old))
            found = [_stored_maps(each) for each in old]
            found += [
                _stored_maps(entry) if entry else maps.of(number)
                for number, entry in enumerate(added.entries)
            ]
        if found:
            own, prints = zip(*found, strict=True)
            write_maps(temporary, np.stack(own), np.stack(prints))


def _stored_maps(entry: Entry) -> tuple[Values, Values]:
    return entry.own / 255.0, entry.prints / 255.0


class _Maps:
    """Makes the maps of added rows from those that lie nearest in the database and among the added."""

    def __init__(self, database: Database, pictures: Pictures, added: AddedRows, first: int) -> None:
        self._database = database
        self._pictures = pictures
        self._added = added
        self._first = first
        """Row of the first added one in ``pictures``."""
        vectors = units_at(added.vectors, np.arange(len(added.vectors)))
        self._known = with_changes(exact_index(database.vectors), database).nearest(vectors, DEPTH)
        self._new = exact_index(added.vectors).nearest(vectors, DEPTH)

    def of(self, number: int) -> tuple[Values, Values]:
        """Return both maps of an added row."""
        row, mine = self._first + number, self._added.references[number].card_id
        artwork = self._added.artworks[number]
        first_of: dict[int, int] = {}
        twins: list[int] = []
        for near, name, card_id in self._nearest(number):
            if name != artwork:
                first_of.setdefault(name, near)
            elif card_id != mine:
                twins.append(near)
        half = self._pictures.half
        own = own_map(half(row), [half(each) for each in list(first_of.values())[:LIKE_IT]])
        return own, print_map(row, twins[:TWINS], self._pictures)

    def _nearest(self, number: int) -> list[tuple[int, int, str]]:
        """Return row in the pictures, artwork and card of the nearest rows, best first."""
        found = []
        for row, cosine in zip(self._known[0][number].tolist(), self._known[1][number], strict=True):
            card = self._database.card_of(row)
            found.append((float(cosine), row, card.artwork, card.card_id))
        for each, cosine in zip(self._new[0][number].tolist(), self._new[1][number], strict=True):
            if each != number:
                card_id = self._added.references[each].card_id
                found.append((float(cosine), self._first + each, self._added.artworks[each], card_id))
        return [each[1:] for each in sorted(found, key=lambda each: -each[0])]
