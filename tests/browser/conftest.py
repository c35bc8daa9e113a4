"""One Chromium and one claimed box for all tests that leave it as it was; the others start their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Box, Person, running_box, running_browser
from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with running_browser() as running:
        yield running


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """A box in front of which cards come and go."""
    with running_box(tmp_path_factory.mktemp("box")) as running:
        yield running


@pytest.fixture(scope="session")
def ada(box: Box) -> Person:
    """Its owner."""
    person = box.claim()
    person.post("/api/users", name="vera", password="only looking on", role="viewer")
    return person


@pytest.fixture(scope="session")
def vera(box: Box, ada: Person) -> Person:
    """Somebody who may only look on."""
    person = Person(box.url)
    person.post("/api/login", name="vera", password="only looking on")
    return person


@pytest.fixture
def new_box(tmp_path: Path) -> Iterator[Box]:
    """A box of one's own."""
    with running_box(tmp_path) as running:
        yield running
