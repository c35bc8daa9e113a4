"""Search, state, settings, account."""

from __future__ import annotations

import json
import re
import zipfile

import pytest
from accessibility import assert_usable
from browsing import Box, Person, eventually, looking, shot
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser


def test_the_database_is_searched(browser: Browser, box: Box, ada: Person) -> None:
    with looking(browser, box, ada) as page:
        page.keyboard.press("/")
        search = page.get_by_role("searchbox", name="Name, set or number")
        expect(search).to_be_focused()
        expect(page.get_by_text("Type a name, a set or a number.")).to_be_visible()
        search.fill("card")
        expect(page.locator("#search-cards li")).to_have_count(14)
        search.fill("card-007")
        expect(page.locator("#search-cards li")).to_have_count(1)
        expect(page.get_by_text("1 card.")).to_be_visible()
        search.fill("<b>nobody</b>")
        expect(page.get_by_text("No card of the database fits “<b>nobody</b>”.")).to_be_visible()


def test_every_part_says_how_it_is(browser: Browser, box: Box, ada: Person) -> None:
    with looking(browser, box, ada) as page:
        page.get_by_role("link", name=re.compile("^State")).click()
        for part in ada.get("/api/state")["parts"]:
            if part["part"] not in ("camera", "disk"):  # their figures move
                expect(page.locator("#parts")).to_contain_text(part["words"].replace("`", ""))
        expect(page.locator("#parts li")).to_have_count(9)
        expect(page.locator("#versions")).to_contain_text("small")
        assert_usable(page)


def test_a_bug_report_is_saved_as_a_zip_file(browser: Browser, box: Box, ada: Person) -> None:
    with looking(browser, box, ada) as page:
        page.goto("/#/state")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Save a bug report").click()
        with zipfile.ZipFile(waiting.value.path()) as report:
            assert {"frame.png", "versions.json", "state.json", "settings.json"} <= set(report.namelist())
            assert json.loads(report.read("versions.json"))


def test_a_wrong_setting_is_said_at_its_field(browser: Browser, box: Box, ada: Person) -> None:
    with looking(browser, box, ada) as page:
        page.goto("/#/settings")
        fewest = page.get_by_label("Fewest pictures before a card is believed")
        expect(fewest).to_have_value("2")
        fewest.fill("0")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#set-decide-min_frames-error")).to_have_text("Allowed: 1 or more.")
        fewest.fill("9")
        page.get_by_role("button", name="Save").click()
        error = page.locator("#set-decide-min_frames-error")
        expect(error).to_have_text("Must not be larger than max_frames (9 > 4).")
        expect(fewest).to_be_focused()
        expect(fewest).to_have_attribute("aria-invalid", "true")
        assert_usable(page)
        shot(page, "settings-error-light")
        assert ada.get("/api/settings")["values"]["decide"]["min_frames"] == 2


def test_a_saved_setting_waits_for_a_reload_which_is_one_click_away(browser: Browser, new_box: Box) -> None:
    person = new_box.claim()
    with looking(browser, new_box, person) as page:
        page.goto("/#/settings")
        page.get_by_label("Candidates with each card").fill("3")
        page.get_by_label("Report unknown cards too").check()
        expect(page.get_by_text("2 changes are not saved yet.")).to_be_visible()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("2 settings wait for a reload.")).to_be_visible()
        assert_usable(page)
        assert person.get("/api/settings")["values"]["decide"]["top"] == 3
        page.get_by_role("button", name="Reload now").click()
        expect(page.get_by_text("wait for a reload.")).to_have_count(0)
        # The page goes away for a moment, and comes back by itself.
        expect(page.get_by_text("Connected again.")).to_be_visible(timeout=60_000)
        page.goto("/#/scan")
        page.goto("/#/settings")
        page.get_by_role("button", name="Use the default: 5").click()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        eventually(lambda: "decide.top" not in person.get("/api/settings")["changed"])


def test_people_are_added_and_removed(browser: Browser, box: Box, ada: Person) -> None:
    with looking(browser, box, ada) as page:
        page.goto("/#/account")
        page.locator("#user-form").get_by_label("Name").fill("grace")
        page.locator("#user-password").fill("short")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("alert").filter(has_text="at least 10")).to_be_visible()
        page.locator("#user-password").fill("long enough for this")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("row", name=re.compile("grace"))).to_contain_text("look on and export")
        assert_usable(page)
        shot(page, "account-light")
        page.get_by_role("button", name="Remove grace").click()
        expect(page.get_by_role("dialog", name="Remove grace?")).to_be_visible()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(page.get_by_role("row", name=re.compile("grace"))).to_have_count(0)
        assert [each["name"] for each in ada.get("/api/users")["users"]] == ["ada", "vera"]


def test_the_own_password_is_changed_only_with_the_old_one(browser: Browser, new_box: Box) -> None:
    person = new_box.claim()
    with looking(browser, new_box, person) as page:
        page.goto("/#/account")
        for old, words in (
            ("something wrong", "wrong"),
            ("correct horse battery", "The password is changed."),
        ):
            page.get_by_label("Old password").fill(old)
            page.get_by_label("New password", exact=True).fill("battery staple horse")
            page.get_by_label("New password again").fill("battery staple horse")
            page.get_by_role("button", name="Change", exact=True).click()
            expect(page.locator("#view-account, #toasts").get_by_text(words)).to_be_visible()
            page.wait_for_timeout(1100)  # no more than one attempt a second is allowed
