"""Reading the configuration file: a mistake names file, line, key and what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cardscanner.config import Config
from cardscanner.errors import ConfigError

Key = tuple[str | int, ...]


def load_config(path: Path) -> Config:
    """Read and validate a YAML file; relative paths in it are relative to its folder.

    Raises
    ------
    ConfigError
        With every mistake on a line of its own: file, line, key, what is wrong, what is allowed.
    """
    text = _read(path)
    tree = _compose(path, text)
    lines = dict(_key_lines(tree, ()))
    data = yaml.safe_load(text)
    try:
        return Config.model_validate(_rooted(data, path.resolve().parent))
    except ValidationError as error:
        mistakes = [_explain(path, lines, each) for each in error.errors()]
        raise ConfigError("\n".join(mistakes)) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _compose(path: Path, text: str) -> yaml.Node:
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{path}{line}: not valid YAML: {getattr(error, 'problem', None) or error}"
        ) from error
    if not isinstance(tree, yaml.MappingNode):
        raise ConfigError(f"{path}, line 1: the file must hold `key: value` lines")
    _refuse_duplicates(path, tree)
    return tree


def _refuse_duplicates(path: Path, node: yaml.Node) -> None:
    children = [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else []
    if isinstance(node, yaml.SequenceNode):
        children = list(node.value)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ConfigError(
                    f"{path}, line {key.start_mark.line + 1}: {key.value}: the key stands here twice"
                )
            seen.add(key.value)
    for child in children:
        _refuse_duplicates(path, child)


def _key_lines(node: yaml.Node, prefix: Key) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*prefix, key.value), key.start_mark.line + 1
            yield from _key_lines(value, (*prefix, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*prefix, number), value.start_mark.line + 1
            yield from _key_lines(value, (*prefix, number))


_PATH_KEYS = {"model", "database", "path", "password_file", "ca_file", "cert_file", "key_file"}


def _rooted(value: Any, folder: Path) -> Any:
    """Make relative paths absolute, seen from the folder of the configuration file."""
    if isinstance(value, list):
        return [_rooted(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: str(folder / inner) if key in _PATH_KEYS and isinstance(inner, str) else _rooted(inner, folder)
        for key, inner in value.items()
    }


def _explain(path: Path, lines: dict[Key, int], error: ErrorDetails) -> str:
    key = _without_tags(error["loc"], lines)
    line = next((lines[key[:end]] for end in range(len(key), 0, -1) if key[:end] in lines), 1)
    name = ".".join(str(part) for part in key) or "the file"
    return f"{path}, line {line}: {name}: {_say(error)}"


def _without_tags(loc: Key, lines: dict[Key, int]) -> Key:
    """Drop the names of union members that pydantic puts into a location."""
    key: Key = ()
    for part in loc:
        if (*key, part) in lines or not (key in lines and _is_tag(part)):
            key = (*key, part)
    return key


def _is_tag(part: str | int) -> bool:
    return part in {"picamera2", "opencv", "replay", "onnx", "hailo", "mqtt", "stdout"}


def _say(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown key; look for a typing mistake, or see `cardscanner run --help` for the keys"
    if kind == "missing":
        return "this key is needed"
    if kind == "union_tag_not_found":
        return "`backend:` is needed here"
    if kind == "union_tag_invalid":
        return f"backend {context.get('tag')!r} is unknown; allowed: {context.get('expected_tags')}"
    given = error.get("input")
    shown = "" if isinstance(given, dict | list) else f" (given: {given!r})"
    return f"{error['msg']}{shown}"
