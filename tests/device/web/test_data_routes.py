"""The page's data over a real server: good, bad, missing, not allowed."""

from __future__ import annotations

import csv
import io
import json

import cv2
import numpy as np
import pytest
from pages import jpeg, serving_page

from cardscanner.manifest import load_database_manifest

NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with serving_page(tmp_path_factory.mktemp("page")) as found:
        found.room.vitals.database_is(load_database_manifest(found.room.config.index.database))
        yield found


@pytest.fixture(scope="module")
def ada(page):
    with page.client("ada") as client:
        yield client


@pytest.fixture(scope="module")
def bob(page):
    with page.client("bob") as client:
        yield client


@pytest.fixture(scope="module")
def scans(page):
    return [page.scan(number) for number in range(1, 8)]


READS = [
    "/api/state", "/api/stream", "/live.mjpeg", "/api/scans", f"/api/scans/{NOWHERE}",
    f"/api/scans/{NOWHERE}/photo.jpg", "/api/sessions", "/api/export", "/api/cards?q=a",
    "/api/cards/a/picture.jpg", "/api/settings",
]  # fmt: skip
WRITES = [
    f"/api/scans/{NOWHERE}/undo", f"/api/scans/{NOWHERE}/redo", f"/api/scans/{NOWHERE}/correct",
    "/api/sessions", "/api/settings", "/api/scanning", "/api/reload", "/api/restart", "/api/bug",
]  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_nobody_reads_without_a_login(page, path):
    with page.client(None) as nobody:
        answer = nobody.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "login"


@pytest.mark.parametrize("path", WRITES)
def test_nobody_writes_without_a_login_and_a_viewer_does_not_either(page, bob, path):
    with page.client(None) as nobody:
        assert nobody.post(path, json={}).status_code == 401
    assert bob.post(path, json={}).status_code == 403
    assert not page.bench.wishes.reload
    assert not page.bench.wishes.restart


@pytest.mark.parametrize("path", WRITES)
def test_a_write_without_the_csrf_token_is_refused(page, path):
    with page.client("ada", **{"X-CSRF-Token": "guessed"}) as forged:
        assert forged.post(path, json={}).status_code == 403


def test_a_viewer_does_not_see_the_settings(bob):
    assert bob.get("/api/settings").status_code == 403


def test_the_state_has_every_part_in_words(bob, page):
    page.film()
    document = bob.get("/api/state").json()
    parts = {each["part"]: each for each in document["parts"]}
    assert list(parts) == [
        "camera", "accelerator", "model", "database", "outbox", "broker", "disk", "clock", "power",
    ]  # fmt: skip
    assert all(each["words"] for each in parts.values())
    assert parts["accelerator"]["condition"] == "off"
    assert parts["camera"]["condition"] == "ok"
    assert document["state"]["lifecycle"] == "ready"
    assert document["session"]["current"] is True
    assert set(document["counts"]) == {"scans", "cards", "undone", "distinct"}


def test_scans_come_newest_first_in_pages_without_gaps(bob, scans):
    first = bob.get("/api/scans", params={"limit": 4}).json()
    second = bob.get("/api/scans", params={"limit": 4, "before": first["next"]}).json()
    assert [each["id"] for each in first["scans"] + second["scans"]] == scans[::-1]
    assert second["next"] is None
    newest = first["scans"][0]
    assert newest["card"]["card_id"] == "base1-7"
    assert newest["ts"].endswith("Z")
    assert newest["decision"] == "match"
    assert newest["has_photo"] is True


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=-1", "session=one", "limit=1e3"])
def test_a_query_that_is_none_is_refused_with_what_is_allowed(bob, query):
    answer = bob.get(f"/api/scans?{query}")
    assert answer.status_code == 422
    assert query.split("=")[0] in answer.json()["error"]["message"]


def test_one_scan_and_its_photo(bob, scans):
    assert bob.get(f"/api/scans/{scans[2]}").json()["card"]["card_id"] == "base1-3"
    photo = bob.get(f"/api/scans/{scans[2]}/photo.jpg")
    assert photo.headers["content-type"] == "image/jpeg"
    assert photo.content == jpeg(3)


@pytest.mark.parametrize(
    "name", [NOWHERE, "x", "..%2f..%2fetc%2fpasswd", "%00", "01ARZ3NDEKTSV4RRFFQ69G5FA'"]
)
@pytest.mark.parametrize("what", ["", "/photo.jpg"])
def test_a_scan_that_is_not_kept_is_not_found(bob, name, what):
    assert bob.get(f"/api/scans/{name}{what}").status_code == 404


def test_a_scan_without_a_photo_says_so(page, bob):
    name = page.scan(9, with_photo=False)
    answer = bob.get(f"/api/scans/{name}/photo.jpg")
    assert answer.status_code == 404
    assert "photo" in answer.json()["error"]["message"]


def test_undo_and_redo_change_the_counts_and_tell_subscribers(page, ada, scans):
    before = ada.get("/api/state").json()["counts"]
    undone = ada.post(f"/api/scans/{scans[1]}/undo", json={}).json()
    assert undone["undone"] is True
    assert ada.get("/api/state").json()["counts"]["undone"] == before["undone"] + 1
    assert ada.post(f"/api/scans/{scans[1]}/undo", json={}).status_code == 200, "twice is once"
    assert ada.post(f"/api/scans/{scans[1]}/redo", json={}).json()["undone"] is False
    events = [json.loads(each.payload) for each in page.bench.outbox.pending(0, 100)]
    kinds = [each["event_type"] for each in events if each["event_type"].startswith("scan_")]
    assert kinds == ["scan_undone", "scan_redone"]
    assert ada.post(f"/api/scans/{NOWHERE}/undo", json={}).status_code == 404


def test_a_correction_is_stored_and_seen(page, ada, scans):
    answer = ada.post(f"/api/scans/{scans[0]}/correct", json={"card_id": "s3x000-83"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["corrected"] == "s3x000-83"
    assert ada.get(f"/api/scans/{scans[0]}").json()["corrected"] == "s3x000-83"


@pytest.mark.parametrize(
    ("body", "status"),
    [({"card_id": "no-such-card"}, 404), ({}, 422), ({"card_id": 3}, 422), ({"card_id": "a", "b": 1}, 422)],
)
def test_a_correction_that_is_none_is_refused(ada, scans, body, status):
    assert ada.post(f"/api/scans/{scans[3]}/correct", json=body).status_code == status


def test_a_new_session_takes_the_scans_that_follow(page, ada):
    begun = ada.post("/api/sessions", json={"name": "  <b>Box</b> 12 "})
    assert begun.status_code == 201
    number = begun.json()["id"]
    name = page.scan(21)
    listed = ada.get("/api/scans", params={"session": number}).json()["scans"]
    assert [each["id"] for each in listed] == [name]
    sessions = {each["id"]: each for each in ada.get("/api/sessions").json()["sessions"]}
    assert sessions[number]["name"] == "<b>Box</b> 12"
    assert sessions[number]["counts"]["scans"] == 1
    assert sessions[number]["current"]
    for body in ({}, {"name": ""}, {"name": "x" * 81}, {"name": 7}):
        assert ada.post("/api/sessions", json=body).status_code == 422


def test_the_export_has_a_row_for_each_scan_oldest_first(bob, scans):
    answer = bob.get("/api/export")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="scans-small-')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [each["id"] for each in rows[:7]] == scans
    assert rows[1]["card_id"] == "base1-2"
    assert rows[1]["undone"] in {"yes", "no"}
    counted = list(csv.DictReader(io.StringIO(bob.get("/api/export?undone=no").text)))
    assert {each["undone"] for each in counted} == {"no"}
    found = bob.get("/api/export?format=json").json()
    assert [each["id"] for each in found[:7]] == scans
    assert bob.get("/api/export?format=xml").status_code == 422


def test_cards_are_searched_and_shown(bob):
    found = bob.get("/api/cards", params={"q": "S3X000", "limit": 3}).json()["cards"]
    assert len(found) == 3
    assert found[0]["card_id"].startswith("s3x000-")
    assert {"set", "number", "lang", "name"} <= set(found[0])
    assert bob.get("/api/cards").json() == {"cards": []}
    assert bob.get("/api/cards?q=zzzz").json() == {"cards": []}
    assert bob.get("/api/cards?q=a&limit=0").status_code == 422


def test_a_card_has_its_reference_picture_and_an_unknown_one_has_none(bob):
    picture = bob.get("/api/cards/s3x000-83/picture.jpg")
    assert picture.headers["content-type"] == "image/jpeg"
    assert cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR).shape == (336, 240, 3)
    for name in ("s3x000-0", "a%2Fb%20c", "..%2F..%2Fetc", "%00"):
        assert bob.get(f"/api/cards/{name}/picture.jpg").status_code == 404


def test_scanning_is_paused_and_goes_on(page, ada):
    assert ada.post("/api/scanning", json={"on": False}).json() == {"on": False}
    assert page.room.vitals.paused
    assert ada.get("/api/state").json()["paused"] is True
    assert ada.post("/api/scanning", json={"on": True}).json() == {"on": True}
    assert not page.room.vitals.paused
    for body in ({}, {"on": 1}, {"on": "no"}, [], {"on": True, "more": 1}):
        assert ada.post("/api/scanning", json=body).status_code == 422
    assert ada.post("/api/scanning", content=b"{").status_code == 400


def test_reload_and_restart_are_asked_for(page, ada):
    assert ada.post("/api/reload", json={}).status_code == 202
    assert ada.post("/api/restart", json={}).status_code == 202
    assert page.bench.wishes.reload
    assert page.bench.wishes.restart
    page.bench.wishes.reload = page.bench.wishes.restart = False


def test_settings_have_a_schema_values_and_what_was_changed(ada):
    form = ada.get("/api/settings").json()
    assert form["schema"]["properties"]["decide"]["properties"]["min_frames"]["type"] == "integer"
    assert form["values"]["decide"]["min_frames"] == form["defaults"]["decide"]["min_frames"] == 2
    changed = ada.post("/api/settings", json={"options": {"decide": {"min_frames": 3}}}).json()
    assert changed == {"changed": ["decide.min_frames"], "pending": ["decide.min_frames"]}
    form = ada.get("/api/settings").json()
    assert form["changed"] == ["decide.min_frames"]
    assert (form["values"]["decide"]["min_frames"], form["defaults"]["decide"]["min_frames"]) == (3, 2)
    back = ada.post("/api/settings", json={"options": {"decide": {"min_frames": None}}}).json()
    assert back["pending"] == []
    assert ada.get("/api/settings").json()["changed"] == []


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"decide": {"min_frames": 0}}, "decide.min_frames"),
        ({"decide": {"min_frames": 9, "gone_s": 1}}, "decide.min_frames"),
        ({"decide": {"top": 5, "gone_s": -1}}, "decide.gone_s"),
        ({"decide": {"nothing": 1}}, "decide.nothing"),
        ({"outbox": {"path": "/etc/passwd"}}, "outbox.path"),
        ({"decide": 7}, None),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_its_key(ada, options, key):
    answer = ada.post("/api/settings", json={"options": options})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"].get("key") == key
    assert ada.get("/api/settings").json()["changed"] == []


def test_every_answer_tells_browsers_to_keep_nothing(bob):
    for path in ("/api/state", "/api/scans", "/api/cards?q=a", "/api/export"):
        assert bob.get(path).headers["cache-control"] == "no-store"
