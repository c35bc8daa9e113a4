"""The commands are called as a person calls them, on one miniature scanner that all these tests share."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from PIL import Image
from small_scanner import photo, small_scanner

from cardscanner.cli import main


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def lines(self) -> list[dict]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(scope="session")
def scanner(tmp_path_factory):
    """Model, database, film; nobody may change it."""
    return small_scanner(tmp_path_factory.mktemp("commands"), shown=(3,))


@pytest.fixture
def cardscanner(capfd, monkeypatch):
    """Call the command line in this process."""
    monkeypatch.delenv("CARDSCANNER_HOME", raising=False)
    monkeypatch.delenv("CARDSCANNER_CONFIG", raising=False)

    def call(*arguments: object) -> Said:
        capfd.readouterr()
        try:
            code = main([str(each) for each in arguments])
        except SystemExit as ending:
            code = ending.code
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def scan(cardscanner, scanner):
    """Call ``cardscanner scan`` with the miniature model and database."""

    def call(*arguments: object, **options: object) -> Said:
        given = {"db": scanner.database, "model": scanner.model, "threads": 1, **options}
        return cardscanner("scan", *arguments, *(f"--{key}={value}" for key, value in given.items()))

    return call


@pytest.fixture
def save(tmp_path):
    """Write a picture into the test's folder."""

    def write(name: str, picture=None, **how):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(7) if picture is None else picture).save(path, **how)
        return path

    return write
