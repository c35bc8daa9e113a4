"""From the code in the log to the first card; being locked out; logging out."""

from __future__ import annotations

import pytest
from accessibility import assert_no_sideways_scrolling, assert_usable
from browsing import NAME, PASSWORD, PHONE, Box, eventually, looking, shot
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


def log_in(page: Page, name: str, password: str) -> None:
    form = page.locator("#login-form")
    form.get_by_label("Name").fill(name)
    form.get_by_label("Password").fill(password)
    form.get_by_role("button", name="Log in").click()


def fill_claim(page: Page, code: str, again: str = PASSWORD) -> None:
    form = page.locator("#claim-form")
    form.get_by_label("Claim code").fill(code)
    form.get_by_label("Your name").fill(NAME)
    form.get_by_label("Password", exact=True).fill(PASSWORD)
    form.get_by_label("Password again").fill(again)
    form.get_by_role("button", name="Claim this box").click()


def test_a_new_box_is_claimed_with_the_code_of_its_log_and_scans(browser: Browser, new_box: Box) -> None:
    with looking(browser, new_box, viewport=PHONE) as page:
        expect(page.get_by_role("heading", name="This box is new")).to_be_visible()
        page.get_by_text("Where is the code?").click()
        assert_usable(page)
        assert_no_sideways_scrolling(page)
        shot(page, "claim-phone-light")
        fill_claim(page, new_box.claim_code().lower(), again="something else")
        expect(page.get_by_role("alert").filter(has_text="The two passwords differ.")).to_be_visible()
        expect(page.locator("#claim-again")).to_be_focused()
        page.locator("#claim-again").fill(PASSWORD)
        page.get_by_role("button", name="Claim this box").click()
        expect(page.get_by_text("Scanning", exact=True)).to_be_visible()
        expect(page.locator("#list .row").first).to_be_visible()
        page.get_by_role("link", name=f"Account of {NAME}").click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        expect(page.get_by_role("navigation")).to_be_hidden()
        log_in(page, NAME, PASSWORD)
        expect(page.get_by_role("heading", name="Account")).to_be_visible()


def test_a_wrong_code_is_refused_in_words(browser: Browser, new_box: Box) -> None:
    with looking(browser, new_box) as page:
        fill_claim(page, "AAAAAAAA")
        expect(page.get_by_role("alert").filter(has_text="not the code")).to_be_visible()


def test_somebody_who_guesses_passwords_is_locked_out_and_sees_for_how_long(
    browser: Browser, new_box: Box
) -> None:
    new_box.claim()
    with looking(browser, new_box, color_scheme="dark") as page:
        button = page.locator("#login-form button[type=submit]")
        log_in(page, NAME, "guess")
        expect(page.get_by_role("alert").filter(has_text="wrong")).to_be_visible()

        def locked() -> bool:
            page.locator("#login-password").fill("guess")
            page.locator("#login-password").press("Enter")
            page.wait_for_timeout(250)
            return "(in " in button.inner_text()

        eventually(locked)
        expect(button).to_be_disabled()
        expect(page.get_by_role("alert").filter(has_text="Too many attempts")).to_be_visible()
        assert_usable(page)
        shot(page, "locked-out-dark")
        first = button.inner_text()
        eventually(lambda: button.inner_text() != first)
        expect(button).to_be_enabled(timeout=65_000)
        log_in(page, NAME, PASSWORD)
        expect(page.get_by_role("navigation", name="Views")).to_be_visible()
