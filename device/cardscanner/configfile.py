"""Reading the configuration file: a mistake names file, line, key and what is allowed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cardscanner.config import Config
from cardscanner.config_mistakes import Key, dotted, explain
from cardscanner.errors import ConfigError
from cardscanner.files import replacing

_MAX_DEPTH = 20
_CREDENTIALS = "$CREDENTIALS_DIRECTORY"
_SETTINGS_HEAD = "# Written by the command `set`; overrides the configuration. Delete it to go back.\n"


def load_config(path: Path) -> Config:
    """Read and validate a YAML file; relative paths in it are relative to its folder, ``~`` is home.

    What the command ``set`` changed, in a file beside the outbox, comes on top of it.

    Raises
    ------
    ConfigError
        With every mistake on a line of its own: file, line, key, what is wrong, what is allowed.
    """
    data, lines = read_tree(path)
    rooted = _rooted(data, path.resolve().parent)
    config = _validated(rooted, path, lines)
    settings = settings_path(config)
    if not settings.is_file():
        return config
    changes, lines = read_tree(settings)
    return _validated(_over(rooted, changes), settings, lines)


def file_config(path: Path) -> Config:
    """Read and validate the file alone, without what ``set`` changed; raises as :func:`load_config` does."""
    data, lines = read_tree(path)
    return _validated(_rooted(data, path.resolve().parent), path, lines)


def settings_path(config: Config) -> Path:
    """Return where ``set`` keeps what it changed."""
    return config.outbox.path.with_name("settings.yaml")


def read_settings(config: Config) -> dict[str, Any]:
    """Return what ``set`` changed so far, by section."""
    path = settings_path(config)
    return dict(read_tree(path)[0]) if path.is_file() else {}


def write_settings(path: Path, settings: Mapping[str, Any]) -> Config:
    """Replace what ``set`` changed, durably, and return what the whole configuration is then.

    Raises
    ------
    ConfigError
        The whole would not be valid; nothing was written.
    """
    data, lines = read_tree(path)
    rooted = _rooted(data, path.resolve().parent)
    target = settings_path(_validated(rooted, path, lines))
    config = _validated(_over(rooted, settings), target, dict.fromkeys(_keys(settings), 1))
    if settings:
        with replacing(target) as temporary:
            temporary.write_text(_SETTINGS_HEAD + yaml.safe_dump(dict(settings)), encoding="utf-8")
    else:
        target.unlink(missing_ok=True)
    return config


def _validated(data: Any, path: Path, lines: Mapping[Key, int]) -> Config:
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(explain(path, lines, error.errors())) from None


def _over(below: Any, above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay sections over sections, key by key."""
    merged = dict(below)
    for section, values in above.items():
        both = isinstance(values, Mapping) and isinstance(merged.get(section), Mapping)
        merged[section] = {**merged[section], **values} if both else values
    return merged


def _keys(settings: Mapping[str, Any]) -> Iterator[Key]:
    for section, values in settings.items():
        yield (section,)
        yield from ((section, key) for key in values)


def read_tree(path: Path) -> tuple[Any, dict[Key, int]]:
    """Return what a YAML file says and the line of each key; :class:`ConfigError` when it is no such file."""
    tree, data = _parse(path, _read(path))
    return data, dict(_key_lines(tree, ()))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8 text: save the file as UTF-8") from error


def _parse(path: Path, text: str) -> tuple[yaml.Node, Any]:
    """Return the YAML tree, which knows the lines, and the data."""
    try:
        _refuse_excess(path, text)
        loader = yaml.SafeLoader(text)
        tree = loader.get_single_node()
        if not isinstance(tree, yaml.MappingNode):
            raise ConfigError(f"{path}, line 1: the file must hold `key: value` lines")
        _check(path, tree, loader)
        return tree, loader.construct_document(tree)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise ConfigError(
            f"{path}, line {line}: not valid YAML: the unprintable character #x{error.character:04x}"
        ) from error
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{path}, {_say(error)}") from error


def _refuse_excess(path: Path, text: str) -> None:
    """Refuse what no configuration needs and what can run away: aliases, tags, great depth."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        here = f"{path}, line {_line(event.start_mark)}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None) is not None:
            raise ConfigError(
                f"{here}: YAML tags (!...) and aliases (*...) are not used here: "
                "write the value out, in quotes if it is text"
            )
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise ConfigError(f"{here}: no configuration is nested more than {_MAX_DEPTH} levels deep")


def _check(path: Path, node: yaml.Node, loader: yaml.SafeLoader, place: Key = ()) -> None:
    """Refuse keys that stand twice or are not words, and values that YAML cannot make sense of."""
    below: list[tuple[str | int, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        _check_keys(path, node, place)
        below = [(key.value, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        below = list(enumerate(node.value))
    else:
        try:
            loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigError(
                f"{path}, line {_line(node.start_mark)}: {dotted(place)}: {str(node.value)[:40]!r} "
                "is no value: put quotes around it if it is text"
            ) from error
    for key, child in below:
        _check(path, child, loader, (*place, key))


def _check_keys(path: Path, node: yaml.MappingNode, place: Key) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        line = _line(key.start_mark)
        if not isinstance(key, yaml.ScalarNode) or not key.tag.endswith((":str", ":merge")):
            shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
            raise ConfigError(f"{path}, line {line}: {dotted((*place, shown))}: a key must be a word")
        if key.value in seen:
            raise ConfigError(
                f"{path}, line {line}: {dotted((*place, key.value))}: the key stands here twice "
                f"(first in line {seen[key.value]}): keep one"
            )
        seen[key.value] = line


def _key_lines(node: yaml.Node, prefix: Key) -> Iterator[tuple[Key, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*prefix, key.value), _line(key.start_mark)
            yield from _key_lines(value, (*prefix, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield (*prefix, number), _line(value.start_mark)
            yield from _key_lines(value, (*prefix, number))


_PATH_KEYS = {
    "model",
    "database",
    "path",
    "password_file",
    "ca_file",
    "cert_file",
    "key_file",
    "api_key_file",
    "recent",
    "folder",
    "keys",
    "installer",
    "file",
}


def _rooted(value: Any, folder: Path) -> Any:
    """Make relative paths absolute, seen from the folder of the configuration file."""
    if isinstance(value, list):
        return [_rooted(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _absolute(inner, folder) if _is_path(key, inner) else _rooted(inner, folder)
        for key, inner in value.items()
    }


def _absolute(path: str, folder: Path) -> str:
    """``~`` is the home folder, as in a shell; for a user who does not exist it stays as it is written.

    ``$CREDENTIALS_DIRECTORY`` is where systemd puts the credentials of a service; no other variable is known.
    """
    credentials = os.environ.get(_CREDENTIALS[1:])
    if credentials and path.startswith(f"{_CREDENTIALS}/"):
        path = credentials + path.removeprefix(_CREDENTIALS)
    return str(folder / os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises for such a user


def _is_path(key: str, value: Any) -> bool:
    """Whether a value is a path; ``camera.device`` and ``updates.source`` may be an address instead."""
    return isinstance(value, str) and (
        key in _PATH_KEYS or (key in {"device", "source"} and "://" not in value)
    )


def _line(mark: Any) -> int:
    """Return the line of one of YAML's marks, counted from 1 as editors do."""
    return 1 if mark is None else mark.line + 1


def _say(error: yaml.MarkedYAMLError) -> str:
    """Say where YAML stumbled; an open quote or bracket is noticed far below the line to be mended."""
    noticed, begun = _line(error.problem_mark), _line(error.context_mark)
    if begun < noticed and re.search("quoted|flow", error.context or ""):
        return f"line {begun}: not valid YAML: {error.problem} {error.context} (noticed in line {noticed})"
    return f"line {noticed}: not valid YAML: {error.problem}"
