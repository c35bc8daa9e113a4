"""Reading recipes: shipped ones by name, others by path, with single keys set on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from cardscanner.config_mistakes import Key, explain
from cardscanner.configfile import read_tree
from cardscanner.errors import ConfigError
from cardscanner_tools.training.recipe import DistilRecipe, TrainRecipe

SHIPPED = Path(__file__).parent / "recipes"
ALIASES = {"teacher": "dinov3-vit-l16-256", "server": "dinov3-vit-l16-256"}
"""The server runs the teacher itself."""
_PATHS = {"weights", "checkpoint", "free_faces", "free_art"}

R = TypeVar("R", TrainRecipe, DistilRecipe)


def shipped_recipes() -> dict[str, Path]:
    """Return the recipes that come with the workshop, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find_recipe(name: str) -> Path:
    """Return the file of a shipped recipe or of a path; :class:`ConfigError` lists what there is."""
    shipped = shipped_recipes()
    known = shipped.get(ALIASES.get(name, name), Path(name).expanduser())
    if not known.is_file():
        names = ", ".join([*shipped, *ALIASES])
        raise ConfigError(f"{name}: neither a recipe file nor one of the shipped recipes: {names}")
    return known


def list_recipes(kind: str) -> type[argparse.Action]:
    """Return an option that prints the shipped recipes of a kind, with their first comment, and leaves."""

    class Listing(argparse.Action):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "nargs": 0})

        def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
            for name, path in shipped_recipes().items():
                text = path.read_text(encoding="utf-8")
                if f"\nkind: {kind}\n" in text:
                    print(f"{name:20} {text.splitlines()[0].removeprefix('# ')}")
            parser.exit()

    return Listing


def load_recipe(path: Path, kind: type[R], changes: Mapping[str, Any] | None = None) -> R:
    """Read and check a recipe; ``changes`` maps dotted keys (``stages.0.lr``) to values that replace its own.

    Raises
    ------
    ConfigError
        With every mistake on a line of its own: file, line, key, what is wrong, what is allowed.
    """
    data, lines = read_tree(path)
    data = _rooted(data, path.resolve().parent)
    for key, value in (changes or {}).items():
        _put(data, key.split("."), value, key)
        _name(lines, key)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        said = explain(path, lines, error.errors(), kind)
        also = f"\nchanged on the command line: {', '.join(changes)}" if changes else ""
        raise ConfigError(said + also) from None


def parse_changes(words: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value`` words; values are YAML, paths are relative to the current folder."""
    return dict(_change(word) for word in words)


def _change(word: str) -> tuple[str, Any]:
    key, sign, text = word.partition("=")
    if not sign or not all(key.split(".")):
        raise ConfigError(f"--set {word}: write KEY=VALUE, say stages.0.lr=1e-4")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"--set {word}: {text!r} is no value: put quotes around it") from None
    is_path = key.split(".")[-1] in _PATHS and isinstance(value, str)
    return key, str(Path(value).expanduser().absolute()) if is_path else value


def _put(data: Any, parts: Sequence[str], value: Any, key: str) -> None:
    place = data
    for part in parts[:-1]:
        place = _inside(place, part, key)
    if isinstance(place, list):
        place[_position(place, parts[-1], key)] = value
    else:
        place[parts[-1]] = value


def _name(lines: dict[Key, int], key: str) -> None:
    """Let mistakes name a key that is not in the file; its line is that of the section it belongs to."""
    parts = tuple(int(part) if part.isdigit() else part for part in key.split("."))
    for end in range(1, len(parts) + 1):
        lines.setdefault(parts[:end], lines.get(parts[: end - 1], 1))


def _inside(place: Any, part: str, key: str) -> Any:
    if isinstance(place, list):
        return place[_position(place, part, key)]
    if place.get(part) is None:
        place[part] = {}
    if not isinstance(place[part], dict | list):
        raise ConfigError(f"--set {key}: {part} is a value, it has no keys below it")
    return place[part]


def _position(place: Sequence[Any], part: str, key: str) -> int:
    if not part.isdigit() or int(part) >= len(place):
        raise ConfigError(f"--set {key}: {part} must be a number from 0 to {len(place) - 1}")
    return int(part)


def _rooted(value: Any, folder: Path) -> Any:
    """Make relative paths absolute, seen from the recipe's folder."""
    if isinstance(value, list):
        return [_rooted(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: str(folder / Path(inner).expanduser())
        if key in _PATHS and isinstance(inner, str)
        else _rooted(inner, folder)
        for key, inner in value.items()
    }


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Give the dotted keys in which two recipes, as plain data, differ."""
    for key in dict.fromkeys([*old, *new]):
        here, there = old.get(key), new.get(key)
        if isinstance(here, dict) and isinstance(there, dict):
            yield from differences(here, there, f"{prefix}{key}.")
        elif here != there:
            yield f"{prefix}{key}"
