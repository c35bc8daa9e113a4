"""Which pictures a scan reads, and where each drawn answer goes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cardscanner.draw import FORMATS
from cardscanner.pictures import SUFFIXES


def pictures_named(arguments: Sequence[Path]) -> list[Path]:
    """Return the pictures; a folder stands for those directly in it, by name.

    A folder without pictures stands for itself, so that it is reported like a file that cannot be read.
    """
    return [picture for each in arguments for picture in (_pictures_in(each) or [each])]


def _pictures_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        each
        for each in folder.iterdir()
        if each.suffix.lower() in SUFFIXES and not each.name.startswith(".") and each.is_file()
    )


def drawing_places(pictures: Sequence[Path], out: Path, *, several: bool) -> list[Path]:
    """Return one place for each picture, none of them twice and none of them a picture that is read.

    A name that ends as pictures do is a file, when there is one picture; a folder otherwise.

    Raises
    ------
    argparse.ArgumentTypeError
        There is no such place.
    """
    ending = out.suffix.lower()
    if ending in FORMATS and not out.is_dir():
        if several:
            raise argparse.ArgumentTypeError(f"--draw {out}: several pictures need a folder")
        places = [out]
    elif out.is_dir() or (not ending and not out.exists()):
        places = _places_in(out, pictures)
    else:
        raise argparse.ArgumentTypeError(f"--draw {out}: neither a folder nor a name in {', '.join(FORMATS)}")
    originals = {each.resolve() for each in pictures}
    for place in places:
        if place.resolve() in originals:
            raise argparse.ArgumentTypeError(f"--draw would write over the picture {place}")
    return places


def _places_in(folder: Path, pictures: Sequence[Path]) -> list[Path]:
    """Name each drawing after its picture; pictures of one name are numbered."""
    taken: set[str] = set()
    places = []
    for picture in pictures:
        name, number = picture.stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{picture.stem}-{number}"
        taken.add(name.lower())
        places.append(folder / f"{name}.png")
    return places
