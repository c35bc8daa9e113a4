"""The scan view: cards as they come, taking them back, saying what they are, and losing the box."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Iterator

import pytest
from accessibility import assert_usable
from browsing import WIDE, Box, Person, eventually, looking, shot
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture
def still(ada: Person) -> Iterator[Person]:
    """Scanning stands still, with at least three cards in the list."""
    ada.await_scans(3)
    ada.post("/api/scanning", on=False)
    time.sleep(0.5)
    yield ada
    ada.post("/api/scanning", on=True)


def first_row(page: Page):
    return page.locator("#list .row").first


def rows(page: Page) -> int:
    return page.locator("#list .row").count()


def test_a_card_appears_as_it_is_scanned_without_a_reload(browser: Browser, box: Box, ada: Person) -> None:
    with looking(browser, box, ada) as page:
        expect(first_row(page)).to_be_visible()
        before, newest = rows(page), first_row(page).get_attribute("data-id")
        eventually(lambda: first_row(page).get_attribute("data-id") != newest)
        assert rows(page) > before
        entry = ada.get(f"/api/scans/{first_row(page).get_attribute('data-id')}")
        expect(page.locator("#last .card-name")).to_have_text(entry["card"]["name"])
        expect(page.locator("#announce")).to_contain_text(entry["card"]["name"])
        expect(page.locator("#count-cards")).not_to_have_text("0")
        photo = page.locator("#last figure img").first
        eventually(lambda: photo.evaluate("each => each.complete && each.naturalWidth > 0"))


def test_the_live_view_runs_and_stops_when_another_view_is_open(
    browser: Browser, box: Box, ada: Person
) -> None:
    with looking(browser, box, ada) as page:
        image = page.locator("#live-image")
        eventually(lambda: image.evaluate("each => each.naturalWidth > 100"))
        assert "/live.mjpeg" in (image.get_attribute("src") or "")
        page.get_by_role("link", name="Search").click()
        eventually(lambda: "/live.mjpeg" not in (image.get_attribute("src") or ""))


def test_scanning_is_stopped_and_started(browser: Browser, box: Box, ada: Person) -> None:
    with looking(browser, box, ada) as page:
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("Scanning is stopped")).to_be_visible()
        eventually(lambda: not ada.get("/api/state")["scanning"])
        page.get_by_role("button", name="Start scanning").click()
        eventually(lambda: ada.get("/api/state")["scanning"])


def test_an_undone_card_leaves_count_and_export_and_comes_back(
    browser: Browser, box: Box, still: Person
) -> None:
    with looking(browser, box, still) as page:
        expect(first_row(page)).to_be_visible()
        counted = still.get("/api/state")["counts"]
        entry = first_row(page).get_attribute("data-id")
        page.get_by_role("button", name="Undo", exact=True).first.click()
        expect(first_row(page)).to_have_class(re.compile("undone"))
        expect(page.get_by_text(re.compile("^Undone: "))).to_be_visible()
        expect(page.locator("#count-cards")).to_have_text(str(counted["cards"] - 1))
        assert_usable(page)
        assert still.get(f"/api/scans/{entry}")["undone"]
        with page.expect_download() as waiting:
            page.get_by_role("link", name="CSV").click()
        assert entry not in waiting.value.path().read_text(encoding="utf-8")
        page.locator("#redo-button").click()
        expect(first_row(page)).not_to_have_class(re.compile("undone"))
        expect(page.locator("#count-cards")).to_have_text(str(counted["cards"]))


def test_the_export_is_a_table_that_opens_anywhere(browser: Browser, box: Box, still: Person) -> None:
    with looking(browser, box, still) as page:
        expect(first_row(page)).to_be_visible()
        with page.expect_download() as waiting:
            page.get_by_role("link", name="CSV").click()
        with waiting.value.path().open(encoding="utf-8", newline="") as file:
            table = list(csv.DictReader(file))
        listed = still.get("/api/scans?limit=200")["scans"]
        assert [row["id"] for row in reversed(table)][:5] == [each["id"] for each in listed][:5]
        assert waiting.value.suggested_filename.endswith(".csv")
        with page.expect_download() as waiting:
            page.get_by_role("link", name="JSON").click()
        with waiting.value.path().open(encoding="utf-8") as file:
            assert len(json.load(file)) == len(table)


def test_a_card_is_corrected_by_choosing_another_one(browser: Browser, box: Box, still: Person) -> None:
    with looking(browser, box, still) as page:
        first_row(page).locator(".row-open").click()
        dialog = page.get_by_role("dialog", name="Card")
        expect(dialog).to_be_visible()
        assert_usable(page)
        dialog.get_by_role("button", name="Correct …").click()
        chooser = page.get_by_role("dialog", name="Which card is it?")
        chooser.get_by_label("Search all cards").fill("card-013")
        choice = chooser.get_by_role("button", name=re.compile("It is this one: card-013"))
        expect(choice).to_have_count(1)
        assert_usable(page)
        choice.click()
        expect(chooser).to_be_hidden()
        expect(dialog.get_by_text("Corrected by hand")).to_be_visible()
        assert still.get("/api/scans?limit=1")["scans"][0]["corrected"] == "card-013"


def test_a_new_session_begins_empty_and_the_old_one_can_be_looked_at(
    browser: Browser, box: Box, still: Person
) -> None:
    with looking(browser, box, still) as page:
        expect(first_row(page)).to_be_visible()
        page.get_by_role("button", name="New", exact=True).click()
        page.locator("#session-form").get_by_label("Name").fill("Box 12")
        page.get_by_role("button", name="Begin").click()
        expect(page.get_by_role("combobox", name="Session").locator("option:checked")).to_have_text(
            "Box 12 (now)"
        )
        expect(page.get_by_text("No card yet.")).to_be_visible()
        expect(page.locator("#count-cards")).to_have_text("0")
        shot(page, "empty-session-light")
        page.get_by_role("combobox", name="Session").select_option(index=1)
        expect(first_row(page)).to_be_visible()
        expect(page.locator("#count-cards")).not_to_have_text("0")


def test_who_may_only_look_on_sees_no_button_that_changes_anything(
    browser: Browser, box: Box, ada: Person, vera: Person
) -> None:
    ada.await_scans(1)
    with looking(browser, box, vera) as page:
        expect(first_row(page)).to_be_visible()
        for words in ("Undo", "Redo", "Stop", "New", "Correct …"):
            expect(page.get_by_role("button", name=words, exact=True)).to_have_count(0)
        expect(page.get_by_role("link", name="Settings")).to_have_count(0)
        expect(page.get_by_role("link", name="CSV")).to_be_visible()
        page.goto("/#/settings")
        expect(page.locator("#view-scan")).to_be_visible()
        page.keyboard.press("u")
        page.keyboard.press("Space")
        page.goto("/#/state")
        expect(page.get_by_role("button", name="Restart")).to_have_count(0)
        assert_usable(page)
        assert ada.get("/api/state")["scanning"]


def test_a_box_that_loses_its_power_is_missed_and_found_again_with_every_card(
    browser: Browser, new_box: Box
) -> None:
    person = new_box.claim()
    person.await_scans(3)
    with looking(browser, new_box, person, viewport=WIDE) as page:
        expect(first_row(page)).to_be_visible()
        person.post("/api/scanning", on=False)
        page.wait_for_timeout(1500)
        kept = person.get("/api/scans?limit=100")["scans"]
        new_box.crash()
        expect(page.get_by_text("The connection to the box is lost")).to_be_visible()
        shot(page, "connection-lost-light")
        new_box.start()
        expect(page.get_by_text("Connected again.")).to_be_visible(timeout=40_000)
        expect(page.get_by_text("The connection to the box is lost")).to_have_count(0)
        for entry in kept:
            expect(page.locator(f"[data-id='{entry['id']}']")).to_have_count(1)
        newest = first_row(page).get_attribute("data-id")
        eventually(lambda: first_row(page).get_attribute("data-id") != newest)
