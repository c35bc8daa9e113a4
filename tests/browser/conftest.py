"""One Chromium and one claimed box for all tests that leave it as it was; the others start their own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import Box, Person, running_box, running_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser

collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]
"""Only `make test-browser` installs Playwright."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; a busy machine may take its time."""
    from playwright.sync_api import expect

    expect.set_options(timeout=20_000)
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
    person = box.person()
    person.post("/api/login", name="vera", password="only looking on")
    return person


@pytest.fixture
def new_box(tmp_path: Path) -> Iterator[Box]:
    """A box of one's own."""
    with running_box(tmp_path) as running:
        yield running
