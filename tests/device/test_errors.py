"""The tree of errors is the one that its docstring draws, and every error knows its exit code."""

import re

import pytest

from cardscanner import errors
from cardscanner.errors import ArtifactError, CardscannerError, ConfigError, Disagreement, InputError

KINDS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]


def test_the_drawn_tree_is_the_real_one():
    drawn = {}
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"^    ([│ ]*)(?:[├└]── )?([A-Z]\w+)", line)
        if not found:
            continue
        depth = len(found[1]) // 4 + ("──" in line)
        del above[depth:]
        drawn[found[2]] = above[-1] if above else "Exception"
        above.append(found[2])
    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in KINDS}


@pytest.mark.parametrize(
    ("kind", "code"),
    [(CardscannerError, 1), (ConfigError, 78), (ArtifactError, 65), (Disagreement, 65), (InputError, 1)],
)
def test_exit_codes_tell_a_script_what_to_mend(kind, code):
    assert kind("why").exit_code == code


def test_one_except_clause_catches_them_all():
    assert all(issubclass(kind, CardscannerError) for kind in KINDS)
