"""The pictures of the page that README.md and docs/page.md show, taken again from the demo's film.

``cp out/screenshots/page-*.png docs/`` after a change of the page; look at them first.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from accessibility import assert_no_sideways_scrolling, assert_usable
from browsing import Box, eventually, looking, running_box, shot
from playwright.sync_api import Browser, expect

from cardscanner.shipped import shipped_database, shipped_folder, shipped_model

pytestmark = pytest.mark.browser

LARGEST_BYTES = 300_000
A_PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 1.5,
    "is_mobile": True,
    "has_touch": True,
}


@pytest.fixture(scope="module")
def demo_box(tmp_path_factory: pytest.TempPathFactory):
    """The shipped model and database in front of the demo's film."""
    with running_box(
        tmp_path_factory.mktemp("demo"),
        device_id="shop-counter",
        camera={"backend": "replay", "path": str(shipped_folder("demo") / "film.mp4"), "loop": True},
        embedder={"backend": "onnx", "model": str(shipped_model()), "threads": 1},
        index={"database": str(shipped_database())},
        decide={},
    ) as running:
        yield running


def test_the_pictures_of_the_documentation(browser: Browser, demo_box: Box) -> None:
    person = demo_box.claim()
    person.post("/api/sessions", name="Attic box, shelf 3")
    person.await_scans(8, timeout_s=120)
    with looking(browser, demo_box, person, color_scheme="light") as page:
        take(page, "page-scan")
    with looking(browser, demo_box, person, color_scheme="dark", **A_PHONE) as page:
        take(page, "page-phone")


def take(page, name: str) -> None:
    """Wait for the next card, and take the picture while it still lies there."""
    newest = page.locator("#list .row").first
    expect(newest).to_be_visible()
    eventually(lambda: page.locator("#live-image").evaluate("each => each.naturalWidth > 100"))
    before = newest.get_attribute("data-id")
    eventually(lambda: newest.get_attribute("data-id") != before, timeout_s=60)
    for photo in page.locator("#last img").all():
        eventually(lambda photo=photo: photo.evaluate("each => each.complete && each.naturalWidth > 0"))
    assert_usable(page)
    assert_no_sideways_scrolling(page)
    picture: Path = shot(page, name)
    assert picture.stat().st_size < LARGEST_BYTES
