"""Mistakes in a configuration, made by chance but always the same for a seed: one edit of a file that is right.

Which keys there are, their limits and their words come from the sections themselves, so a section that is added to
the configuration is made mistakes in, too, as soon as the good file has it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cardscanner.config import Config

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """One mistake: the file, and what has to be said of it."""

    kind: str
    content: bytes
    line: int | None
    """Where; ``None``: a file that cannot be read has no lines."""
    key: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One key with a value, in the good file."""

    place: Path
    line: int
    field: FieldInfo


class GoodFile:
    """A configuration that is right, as lines, and what is known of each."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.lines: list[str] = []
        self.leaves: list[Leaf] = []
        self.sections: list[tuple[Path, int]] = []
        self._write(document, Config, ())

    def _write(self, document: dict[str, Any], kind: type[BaseModel], place: Path) -> None:
        for key, value in document.items():
            here = (*place, key)
            field = kind.model_fields[key]
            indent = "  " * len(place)
            if isinstance(value, dict):
                self.lines.append(f"{indent}{key}:")
                self.sections.append((here, len(self.lines)))
                self._write(value, _section_of(field, value), here)
            else:
                self.lines.append(f"{indent}{key}: {value}")
                self.leaves.append(Leaf(here, len(self.lines), field))

    def content(self) -> bytes:
        return ("\n".join(self.lines) + "\n").encode()

    def with_value(self, leaf: Leaf, value: str) -> bytes:
        """The file with another value for one key."""
        key = self.lines[leaf.line - 1].split(":", 1)[0]
        return self.with_line(leaf.line, f"{key}: {value}")

    def with_line(self, number: int, *instead: str) -> bytes:
        """The file with other lines for one."""
        return ("\n".join([*self.lines[: number - 1], *instead, *self.lines[number:]]) + "\n").encode()


def _section_of(field: FieldInfo, value: dict[str, Any]) -> type[BaseModel]:
    found = [
        kind for kind in _members(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)
    ]
    for kind in found:
        backend = kind.model_fields.get("backend")
        if len(found) == 1 or (backend and value.get("backend") in get_args(backend.annotation)):
            return kind
    raise AssertionError(f"no section for {value}")


def _members(annotation: Any) -> list[Any]:
    return [annotation, *(inner for member in get_args(annotation) for inner in _members(member))]


def _numeric(leaf: Leaf) -> bool:
    members = _members(leaf.field.annotation)
    return (int in members or float in members) and str not in members


def _words(leaf: Leaf) -> tuple[str, ...]:
    found = [each for each in _members(leaf.field.annotation) if get_origin(each) is Literal]
    return tuple(word for each in found for word in get_args(each))


def _bounds(leaf: Leaf) -> list[tuple[str, float]]:
    """Values just outside of a key's limits, and how each limit is named."""
    outside = []
    for limit in leaf.field.metadata:
        match limit:
            case annotated_types.Ge(bound):
                outside.append((f"greater than or equal to {bound:g}", bound - 1))
            case annotated_types.Gt(bound):
                outside.append((f"greater than {bound:g}", bound))
            case annotated_types.Le(bound):
                outside.append((f"less than or equal to {bound:g}", bound + 1))
    return outside


def _misspelt(word: str, chance: random.Random) -> str:
    """A slip of the finger: a letter lost, doubled or swapped."""
    at = chance.randrange(1, len(word) - 1)
    return chance.choice(
        [word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], word[:at] + word[at + 1] + word[at] + word[at + 2 :]]
    )  # fmt: skip


Maker = Callable[[GoodFile, random.Random], Made]


def _dotted(place: Path) -> str:
    return ".".join(place)


def misspell(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice([each for each in good.leaves if len(each.place[-1]) > 4])
    key = leaf.place[-1]
    wrong = key
    siblings = {each.place[-1] for each in good.leaves if each.place[:-1] == leaf.place[:-1]}
    while wrong in siblings:
        wrong = _misspelt(key, chance)
    line = good.lines[leaf.line - 1].replace(key, wrong, 1)
    place = _dotted((*leaf.place[:-1], wrong))
    content = good.with_line(leaf.line, line)
    # A needed key that is misspelt is missing as well; that is said first, of the section.
    return Made("misspelt key", content, leaf.line, place, (f"did you mean {key}?", "allowed here:"))


def give_a_word_for_a_number(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice([each for each in good.leaves if _numeric(each)])
    content = good.with_value(leaf, "plenty")
    return Made("word for a number", content, leaf.line, _dotted(leaf.place), ("valid", "(given: 'plenty')"))


def give_a_list(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice(
        [each for each in good.leaves if _numeric(each) or bool in _members(each.field.annotation)]
    )
    return Made(
        "list for one value", good.with_value(leaf, "[1, 2]"), leaf.line, _dotted(leaf.place), ("valid",)
    )


def leave_the_limits(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice([each for each in good.leaves if _bounds(each)])
    says, value = chance.choice(_bounds(leaf))
    shown = says.rsplit(" ", 1)[0]  # how a number is written is not the point
    return Made("out of range", good.with_value(leaf, f"{value!r}"), leaf.line, _dotted(leaf.place), (shown,))


def give_no_number(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice(
        [each for each in good.leaves if float in _members(each.field.annotation) and _numeric(each)]
    )
    return Made("not a number", good.with_value(leaf, ".nan"), leaf.line, _dotted(leaf.place), ("finite",))


def give_a_huge_number(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice([each for each in good.leaves if any("less" in says for says, _ in _bounds(each))])
    content = good.with_value(leaf, "9" * 400)
    return Made("huge number", content, leaf.line, _dotted(leaf.place), ("...)",))


def give_another_word(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice([each for each in good.leaves if _words(each)])
    says = tuple(f"'{word}'" for word in _words(leaf))
    return Made("wrong word", good.with_value(leaf, "turbo"), leaf.line, _dotted(leaf.place), says)


def give_a_number_for_yes(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice([each for each in good.leaves if each.field.annotation is bool])
    return Made(
        "number for yes or no", good.with_value(leaf, "7"), leaf.line, _dotted(leaf.place), ("boolean",)
    )


def say_it_twice(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice(good.leaves)
    line = good.lines[leaf.line - 1]
    content = good.with_line(leaf.line, line, line)
    return Made(
        "key twice", content, leaf.line + 1, _dotted(leaf.place), ("stands here twice", f"line {leaf.line}")
    )


def forget_a_key(good: GoodFile, chance: random.Random) -> Made:
    needed = [each for each in good.leaves if each.field.is_required() and each.place[-1] != "backend"]
    leaf = chance.choice(needed)
    section = next(line for place, line in good.sections if place == leaf.place[:-1])
    return Made(
        "missing key", good.with_line(leaf.line), section, _dotted(leaf.place), ("this key is needed",)
    )


def empty_a_section(good: GoodFile, chance: random.Random) -> Made:
    place, line = chance.choice([each for each in good.sections if len(each[0]) == 1 and each[0] != ("web",)])
    instead = chance.choice(["[]", "7", "yes please"])
    kept = [
        text
        for number, text in enumerate(good.lines, 1)
        if not any(leaf.line == number and leaf.place[0] == place[0] for leaf in good.leaves)
        and not any(at == number and inner[0] == place[0] for inner, at in good.sections)
    ]
    content = "\n".join([*kept[: line - 1], f"{place[0]}: {instead}", *kept[line - 1 :]]) + "\n"
    return Made("no section", content.encode(), line, place[0], ("`key: value` lines",))


def indent_with_a_tab(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice([each for each in good.leaves if len(each.place) > 1])
    content = good.with_line(leaf.line, "\t" + good.lines[leaf.line - 1].strip())
    return Made("tab", content, leaf.line, "not valid YAML", ("not valid YAML",))


def lose_the_indentation(good: GoodFile, chance: random.Random) -> Made:
    """The last key of a section of which no other section has a key of that name."""
    homes = [each.place[-1] for each in good.leaves]
    last = {each.place[0]: each for each in good.leaves if len(each.place) == 2}
    fit = [
        leaf for leaf in last.values()
        if homes.count(leaf.place[-1]) == 1 and leaf.place[-1] in ("whole_picture", "read_number", "keep_delivered", "metrics")
    ]  # fmt: skip
    leaf = chance.choice(fit)
    content = good.with_line(leaf.line, good.lines[leaf.line - 1].strip())
    return Made(
        "lost indentation", content, leaf.line, leaf.place[-1], (f"it belongs below {leaf.place[0]}",)
    )


def save_as_latin_1(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice(good.leaves)
    content = good.with_value(leaf, "K\N{LATIN SMALL LETTER O WITH DIAERESIS}ln").decode().encode("latin-1")
    return Made("not UTF-8", content, leaf.line, "not UTF-8 text", ("save the file as UTF-8",))


def refer_elsewhere(good: GoodFile, chance: random.Random) -> Made:
    leaf = chance.choice(good.leaves)
    value = chance.choice(["*there", "!!python/object/apply:os.getcwd []", "!secret it"])
    return Made(
        "alias or tag", good.with_value(leaf, value), leaf.line, "YAML tags", ("write the value out",)
    )


def forget_a_quote(good: GoodFile, chance: random.Random) -> Made:
    """Below the last quoted text: above it, the next quote would close this one."""
    last = max(number for number, line in enumerate(good.lines, 1) if '"' in line)
    leaf = chance.choice([each for each in good.leaves if each.line > last])
    return Made("open quote", good.with_value(leaf, '"it'), leaf.line, "not valid YAML", ("quote",))


MAKERS: tuple[Maker, ...] = (
    misspell, give_a_word_for_a_number, give_a_list, leave_the_limits, give_no_number, give_a_huge_number,
    give_another_word, give_a_number_for_yes, say_it_twice, forget_a_key, empty_a_section, indent_with_a_tab,
    lose_the_indentation, save_as_latin_1, refer_elsewhere, forget_a_quote,
)  # fmt: skip


def mistakes(good: GoodFile, seed: int, each: int) -> Iterator[Made]:
    """Make ``each`` mistakes of every kind."""
    for maker in MAKERS:
        for number in range(each):
            yield maker(good, random.Random(f"{maker.__name__} {seed} {number}"))
