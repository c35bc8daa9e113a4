"""Screen: a terminal that is drawn over and over, and given back as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


class Screen:
    """The whole terminal."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, of now."""
        found = shutil.get_terminal_size()
        return found.columns, found.lines

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines, from the top, and nothing else; in one go, so that nothing flickers."""
        _, height = self.size
        text = f"{_END_OF_LINE}\r\n".join(lines[:height])
        self._out.write(f"{_HOME}{text}{_END_OF_LINE}{_BELOW}")
        self._out.flush()


@contextmanager
def whole_screen(out: TextIO) -> Iterator[Screen]:
    """Have the terminal for ourselves while the block runs."""
    out.write(_ENTER)
    try:
        yield Screen(out)
    finally:
        out.write(_LEAVE)
        out.flush()


def is_terminal(out: TextIO) -> bool:
    """Tell whether what is written is looked at, and can be drawn over."""
    return out.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def wants_colour(out: TextIO) -> bool:
    """Tell whether to colour: on a terminal, unless NO_COLOR says no (no-color.org)."""
    return is_terminal(out) and not os.environ.get("NO_COLOR")


def width_of(out: TextIO) -> int:
    """Return how wide lines may be: as the terminal, or as they like where nobody looks."""
    return shutil.get_terminal_size().columns if out.isatty() or "COLUMNS" in os.environ else 1000
