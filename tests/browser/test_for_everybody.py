"""Light and dark, small and wide, without a mouse, without colours, without eyes."""

from __future__ import annotations

import pytest
from accessibility import assert_no_sideways_scrolling, assert_usable, measured
from browsing import PHONE, SMALLEST, WIDE, Box, Person, eventually, looking, shot
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

VIEWS = {
    "scan": "#list .row",
    "search": "#search-words",
    "state": "#parts li",
    "settings": "#settings-sections fieldset",
    "account": "#users tr",
}
WINDOWS = {"wide": WIDE, "phone": PHONE, "smallest": SMALLEST}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("window", WINDOWS)
def test_every_view_can_be_read_hit_and_heard(
    browser: Browser, box: Box, ada: Person, scheme: str, window: str
) -> None:
    ada.await_scans(2)
    with looking(browser, box, ada, viewport=WINDOWS[window], color_scheme=scheme) as page:
        for view, there in VIEWS.items():
            page.goto(f"/#/{view}")
            expect(page.locator(there).first).to_be_visible()
            page.wait_for_timeout(150)
            assert_usable(page)
            assert_no_sideways_scrolling(page)
            shot(page, f"{view}-{window}-{scheme}")


def test_a_contrast_that_is_too_low_would_be_noticed(browser: Browser, box: Box, ada: Person) -> None:
    with looking(browser, box, ada) as page:
        expect(page.locator("#list .row").first).to_be_visible()
        page.evaluate("document.documentElement.style.setProperty('--soft', '#aaaaaa')")
        assert any("contrast" in each for each in measured(page)["problems"])
        page.evaluate("document.querySelector('#session-select').labels[0].remove()")
        assert any("has no name" in each for each in measured(page)["problems"])


def test_the_switch_of_colours_is_remembered(browser: Browser, box: Box, ada: Person) -> None:
    def ground(page: Page) -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    with looking(browser, box, ada, color_scheme="light") as page:
        expect(page.locator("#list .row").first).to_be_visible()
        light = ground(page)
        page.get_by_role("button", name="Switch to light").click()
        assert ground(page) == light
        page.get_by_role("button", name="Switch to dark").click()
        dark = ground(page)
        assert dark != light
        page.reload()
        expect(page.locator("#list .row").first).to_be_visible()
        assert ground(page) == dark


def test_everything_is_reached_without_a_mouse(browser: Browser, box: Box, ada: Person) -> None:
    ada.await_scans(2)
    with looking(browser, box, ada) as page:
        expect(page.locator("#list .row").first).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_be_focused()
        page.keyboard.press("Space")
        eventually(lambda: not ada.get("/api/state")["scanning"])
        expect(page.get_by_role("button", name="Start scanning")).to_be_enabled()
        reached = []
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid", reached
        assert {
            "scanning-button",
            "session-select",
            "new-session",
            "undo-button",
            "export-csv",
            "row-open",
        } <= set(reached)
        while page.evaluate("document.activeElement.className") != "row-open":
            page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Card")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Card")).to_be_hidden()
        assert page.evaluate("document.activeElement.className") == "row-open"
        page.keyboard.press("u")
        expect(page.locator("#list .row.undone")).to_have_count(1)
        page.keyboard.press("Shift+U")
        expect(page.locator("#list .row.undone")).to_have_count(0)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        assert_usable(page)
        page.get_by_role("switch", name="Shortcuts are on").press("Space")
        page.keyboard.press("Escape")
        page.keyboard.press("u")
        page.wait_for_timeout(300)
        expect(page.locator("#list .row.undone")).to_have_count(0)
        ada.post("/api/scanning", on=True)


def test_the_page_moves_nothing_for_those_who_asked_for_calm(browser: Browser, box: Box, ada: Person) -> None:
    with looking(browser, box, ada) as page:
        expect(page.locator("#list .row").first).to_be_visible()
        moving = page.evaluate(
            "[...document.querySelectorAll('*')].filter((each) => { const style = getComputedStyle(each);"
            " return style.animationName !== 'none' || style.transitionDuration !== '0s'; }).length"
        )
        assert moving == 0
