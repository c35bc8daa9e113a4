"""Pictures of a base and of what was added since it was built, seen as one."""

from __future__ import annotations

from cardscanner.verify.stored import Entry, Grey, Pictures, Values


class LayeredPictures:
    """Rows of added cards follow those of the base; what is returned is said at :class:`Pictures`."""

    def __init__(self, base: Pictures, added: Pictures) -> None:
        self._base = base
        self._added = added

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._base) + len(self._added)

    def half(self, row: int) -> Grey:
        """Return the picture at half its size."""
        layer, place = self._layer(row)
        return layer.half(place)

    def full(self, row: int) -> Grey:
        """Return the picture."""
        layer, place = self._layer(row)
        return layer.full(place)

    def own(self, row: int) -> Values:
        """Return the map of what is the card's own."""
        layer, place = self._layer(row)
        return layer.own(place)

    def prints(self, row: int) -> Values:
        """Return the map of what tells its prints apart."""
        layer, place = self._layer(row)
        return layer.prints(place)

    def entry(self, row: int) -> Entry:
        """Return all that is stored of a row."""
        layer, place = self._layer(row)
        return layer.entry(place)

    def close(self) -> None:
        """Unmap both files; safe to call twice."""
        self._base.close()
        self._added.close()

    def _layer(self, row: int) -> tuple[Pictures, int]:
        first = len(self._base)
        return (self._base, row) if row < first else (self._added, row - first)
