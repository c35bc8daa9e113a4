"""Mistakes in a configuration, in words: where it is, what is wrong, what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from cardscanner.config import Config

Key = tuple[str | int, ...]
"""Where a value stands: ``("camera", "fps")``."""


_LONGEST_SHOWN = 60


def dotted(key: Key) -> str:
    """Return a place as a person writes it: ``camera.fps``."""
    return ".".join(map(str, key))


def explain(
    path: Path, lines: Mapping[Key, int], mistakes: Sequence[ErrorDetails], root: type[BaseModel] = Config
) -> str:
    """Return one line of text for each key that is wrong; ``lines`` says where in the file the keys are.

    ``root`` is the model of the whole file.
    """
    words: dict[Key, list[str]] = {}
    given: dict[Key, str] = {}
    for mistake in mistakes:
        key = _key(mistake, lines)
        said = words.setdefault(key, [])
        if (text := _say(mistake, root)) not in said:
            said.append(text)
        given.setdefault(key, _given(mistake))
    places = {key: _line_of(key, lines) for key in words}
    return "\n".join(
        f"{path}, line {places[key]}: {dotted(key)}: {', or: '.join(words[key])}{given[key]}"
        for key in sorted(words, key=lambda key: places[key])
    )


def _line_of(key: Key, lines: Mapping[Key, int]) -> int:
    """Line of a key, or of the section it is missing from."""
    return next((lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in lines), 1)


def _key(mistake: ErrorDetails, lines: Mapping[Key, int]) -> Key:
    """Where the mistake is, without the names of union members that pydantic puts into a location."""
    kind, loc = mistake["type"], mistake["loc"]
    key: Key = ()
    for number, part in enumerate(loc):
        if (*key, part) in lines or (kind == "missing" and number == len(loc) - 1):
            key = (*key, part)
    if kind in {"union_tag_not_found", "union_tag_invalid"}:
        return (*key, "backend")
    return (*key, mistake["ctx"]["key"]) if kind == "wrong_key" else key


def _say(mistake: ErrorDetails, root: type[BaseModel]) -> str:
    kind, context = mistake["type"], mistake.get("ctx", {})
    match kind:
        case "extra_forbidden":
            return _unknown(mistake["loc"], root)
        case "missing":
            return "this key is needed"
        case "union_tag_not_found":
            return f"this key is needed; allowed: {', '.join(_allowed_backends(mistake['loc'], root))}"
        case "union_tag_invalid":
            return f"{context.get('tag')!r} is unknown; allowed: {context.get('expected_tags')}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "`key: value` lines are needed below this key"
        case _:
            return mistake["msg"]


def _given(mistake: ErrorDetails) -> str:
    value = mistake.get("input")
    quiet = mistake["type"] in {"extra_forbidden", "missing", "union_tag_invalid", "wrong_key"}
    if quiet or value is None or isinstance(value, dict | list):
        return ""
    shown = repr(value)
    return f" (given: {shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + '...'})"


def _unknown(loc: Key, root: type[BaseModel]) -> str:
    keys = _allowed_keys(loc[:-1], root)
    near = get_close_matches(str(loc[-1]), keys, n=1)
    homes = [] if near else _homes(str(loc[-1]), root)
    hint = f"did you mean {near[0]}? " if near else ""
    hint = f"it belongs below {homes[0]}; " if len(homes) == 1 and homes[0] not in loc else hint
    return f"unknown key; {hint}allowed here: {', '.join(keys)}"


def _homes(key: str, root: type[BaseModel]) -> list[str]:
    """Sections in which a key may stand: a wrong indentation takes it out of its own."""
    return [
        name
        for name in root.model_fields
        if any(key in kind.model_fields for kind in _kinds_at((name,), root))
    ]


def _allowed_keys(section: Key, root: type[BaseModel]) -> list[str]:
    return list(dict.fromkeys(key for kind in _kinds_at(section, root) for key in kind.model_fields))


def _allowed_backends(section: Key, root: type[BaseModel]) -> list[str]:
    return [backend for kind in _kinds_at(section, root) for backend in _backends(kind)]


def _kinds_at(section: Key, root: type[BaseModel]) -> list[type[BaseModel]]:
    """Sections that may stand at a location: one for each backend, unless the location names one."""
    kinds: list[type[BaseModel]] = [root]
    for part in section:
        if isinstance(part, int):
            continue  # a place in a list; what stands in it was found with the list
        named = [kind for kind in kinds if part in _backends(kind)]
        kinds = named or [inner for kind in kinds for inner in _sections(kind, str(part))]
    return kinds


def _backends(kind: type[BaseModel]) -> tuple[Any, ...]:
    field = kind.model_fields.get("backend")
    return get_args(field.annotation) if field else ()


def _sections(kind: type[BaseModel], name: str) -> Iterable[type[BaseModel]]:
    field = kind.model_fields.get(name)
    members = (field.annotation, *get_args(field.annotation)) if field else ()
    return [each for each in members if isinstance(each, type) and issubclass(each, BaseModel)]
