"""Model scripts (``.alls``): what the compiler is told besides the graph, one for each kind of student."""

from __future__ import annotations

import re
from pathlib import Path

from cardscanner.errors import InputError

FOLDER = Path(__file__).parent / "scripts"
_NORMALISATION = re.compile(r"^\s*(\w+\s*=\s*)?normalization\s*\(", re.MULTILINE)


def recipes() -> list[str]:
    """Return the names of the scripts that come with us."""
    return sorted(path.stem for path in FOLDER.glob("*.alls"))


def read_recipe(name: str) -> str:
    """Return a script by name (``cardnet``) or from a file (``my.alls``), without its comments.

    The compiler's own grammar knows no comments that we could rely on.
    """
    path = FOLDER / f"{name}.alls" if name in recipes() else Path(name)
    if not path.is_file():
        raise InputError(f"--script {name}: there is no such file, and our own are {', '.join(recipes())}")
    lines = (line.split("#")[0].rstrip() for line in path.read_text(encoding="utf-8").splitlines())
    return "\n".join(line for line in lines if line) + "\n"


def with_normalisation(script: str, mean: tuple[float, ...], std: tuple[float, ...]) -> str:
    """Put the model's own normalisation first, unless the script brings one.

    Forgetting it, or copying that of another network, is the classic way to a HEF that answers nonsense. So
    it is taken from the model; a script that insists on its own is believed, and the accuracy gates judge it.
    """
    if _NORMALISATION.search(script):
        return script
    return f"normalization1 = normalization({_listed(mean)}, {_listed(std)})\n{script}"


def _listed(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"
