"""Claiming, logging in and out, accounts: over HTTP on the real server."""

import httpx
import pytest
from pages import PASSWORD, serving_page

from cardscanner.web.attempts import Attempts


@pytest.fixture
def page(tmp_path):
    with serving_page(tmp_path) as page:
        yield page


def login(page, name, password) -> httpx.Response:
    return httpx.post(f"{page.url}/api/login", json={"name": name, "password": password})


def test_a_scanner_is_claimed_once_with_its_code(page):
    page.room.accounts.reset()
    code = httpx.get(f"{page.url}/claim-code").text.strip()
    assert httpx.get(f"{page.url}/api/me").json()["claimed"] is False
    body = {"code": code, "name": "ann", "password": "long enough"}
    wrong = httpx.post(f"{page.url}/api/claim", json=body | {"code": "AAAAAAAA"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (403, "wrong_code")
    locked = httpx.post(f"{page.url}/api/claim", json=body)
    assert locked.status_code == 429
    page.room.attempts = Attempts()
    with httpx.Client(base_url=page.url) as browser:
        claimed = browser.post("/api/claim", json=body)
        assert claimed.json()["user"] == {"name": "ann", "role": "admin"}
        assert browser.get("/api/me").json()["user"]["name"] == "ann"
    assert httpx.get(f"{page.url}/claim-code").status_code == 409
    page.room.attempts = Attempts()
    assert httpx.post(f"{page.url}/api/claim", json=body).status_code == 409


def test_the_code_is_shown_on_the_machine_itself_and_through_no_proxy(page):
    page.room.accounts.reset()
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        assert httpx.get(f"{page.url}/claim-code", headers={header: "1.2.3.4"}).status_code == 403


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(page):
    cookie = login(page, "ada", PASSWORD).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie


def test_logging_out_ends_the_login(page):
    with page.client("ada") as browser:
        assert browser.get("/api/state").status_code == 200
        assert browser.post("/api/logout", json={}).json()["user"] is None
        assert browser.get("/api/state").status_code == 401


def test_guessing_passwords_is_slow(page):
    page.room.attempts = Attempts(clock_s=lambda: 100.0)  # stands still: a busy machine hashes for seconds
    assert login(page, "ada", "guess number one").status_code == 401
    second = login(page, "ada", PASSWORD)
    assert second.status_code == 429
    assert second.json()["error"]["retry_after_s"] == int(second.headers["retry-after"]) >= 1
    assert second.json()["error"]["code"] == "locked"


def test_an_admin_makes_and_removes_accounts(page):
    with page.client("ada") as admin:
        made = admin.post("/api/users", json={"name": "tim", "password": "long enough", "role": "viewer"})
        assert made.status_code == 201
        assert {"name": "tim", "role": "viewer"} in admin.get("/api/users").json()["users"]
        with page.client("tim") as tim:
            assert tim.get("/api/state").status_code == 200
            assert admin.delete("/api/users/tim").status_code == 200
            assert tim.get("/api/state").status_code == 401
        assert admin.delete("/api/users/ada").json()["error"]["code"] == "last_admin"
        missing = admin.post("/api/users", json={"name": "tim", "role": "viewer"})
        assert (missing.status_code, missing.json()["error"]["key"]) == (422, "password")


def test_a_new_password_ends_the_other_logins_of_its_account(page):
    with page.client("bob") as here, page.client("bob") as there:
        wrong = here.post("/api/password", json={"old": "something else", "new": "a better one"})
        assert wrong.status_code == 401
        page.room.attempts = Attempts()
        changed = here.post("/api/password", json={"old": PASSWORD, "new": "a better one"})
        assert changed.status_code == 200
        assert here.get("/api/state").status_code == 200
        assert there.get("/api/state").status_code == 401
    page.room.attempts = Attempts()
    assert login(page, "bob", "a better one").status_code == 200
