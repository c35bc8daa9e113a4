"""``cardscanner db push``: a database becomes a collection that ``check`` and ``run`` can search."""

from __future__ import annotations

import json

import pytest
import yaml
from qdrant_server import serving


@pytest.fixture
def server():
    with serving() as running:
        yield running


def test_what_was_pushed_is_searched_with_the_configuration_that_was_printed(cardscanner, scanner, server):
    said = cardscanner("db", "push", scanner.database, "--to", server.url)
    assert said.code == 0
    first, second = said.out.splitlines()
    assert first.startswith("cardscanner-")
    assert "counted" in first
    index = yaml.safe_load(second)["index"]
    checked = cardscanner("check", "--config", scanner.config(index=index), "--json")
    found = {each["part"]: each for each in json.loads(checked.out)}
    assert found["database"]["ok"], found["database"]
    assert "searched by qdrant" in found["database"]["detail"]


def test_the_answer_can_be_read_by_a_program(cardscanner, scanner, tmp_path):
    said = cardscanner(
        "db", "push", scanner.database, "--to", tmp_path / "q", "--collection", "mine", "--json"
    )
    assert said.code == 0
    done = json.loads(said.out)
    assert done["collection"] == "mine"
    assert done["sent"] == done["rows"] > 0


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--to", "http://127.0.0.1:1"], 1, "does not answer"),
        (["--to", "ftp://server"], 78, "--to"),
        (["--to", "http://elsewhere:6333", "--api-key-file", "key"], 78, "--api-key-file"),
        (["--to", "q", "--collection", "a b"], 78, "--collection"),
    ],
)
def test_a_place_that_cannot_be_used_is_named(cardscanner, scanner, options, code, says):
    said = cardscanner("db", "push", scanner.database, *options)
    assert said.code == code
    assert says in said.err
    assert said.out == ""
