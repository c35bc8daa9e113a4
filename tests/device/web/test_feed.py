"""Server-sent events: the state, scans as they come, hints; a page that reads too slowly is told so."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest
from pages import read_events, serving_page

from cardscanner.web.feed import MOST_WAITING, Box
from cardscanner.web.streaming import Streamed


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with serving_page(tmp_path_factory.mktemp("page")) as found:
        yield found


def await_event(events, wanted, most=60):
    for _ in range(most):
        name, data = next(events)
        if name == wanted:
            return data
    raise AssertionError(f"no {wanted}")


def test_the_state_comes_at_once_and_again_when_it_changes(page):
    with page.client("bob") as bob, bob.stream("GET", "/api/stream") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = read_events(response)
        first = await_event(events, "state")
        assert first["paused"] is False
        assert {each["part"] for each in first["parts"]} >= {"camera", "disk"}
        page.room.vitals.paused = True
        assert await_event(events, "state")["paused"] is True
        page.room.vitals.paused = False


def test_a_scan_an_undo_and_a_correction_appear(page):
    with page.client("ada") as ada, ada.stream("GET", "/api/stream") as response:
        events = read_events(response)
        await_event(events, "state")
        name = page.scan(4)
        seen = await_event(events, "scan")
        assert (seen["id"], seen["card"]["card_id"], seen["has_photo"]) == (name, "base1-4", True)
        with page.client("ada") as other:
            other.post(f"/api/scans/{name}/undo", json={})
            assert await_event(events, "undone")["id"] == name
            other.post(f"/api/scans/{name}/redo", json={})
            assert await_event(events, "redone")["undone"] is False
            other.post(f"/api/scans/{name}/correct", json={"card_id": "s3x000-83"})
            assert await_event(events, "corrected")["corrected"] == "s3x000-83"


def test_two_pages_hear_the_same_and_one_that_goes_is_forgotten(page):
    with page.client("bob") as bob, bob.stream("GET", "/api/stream") as one:
        first = read_events(one)
        await_event(first, "state")
        with page.client("bob") as eve, eve.stream("GET", "/api/stream") as two:
            second = read_events(two)
            await_event(second, "state")
            name = page.scan(5)
            assert await_event(first, "scan")["id"] == await_event(second, "scan")["id"] == name
        page.scan(6)
        assert await_event(first, "scan")["card"]["card_id"] == "base1-6"


def test_hints_come_when_the_light_goes(page):
    dark = page.film()
    dark.pixels[:] = 10
    with page.client("bob") as bob, bob.stream("GET", "/api/stream") as response:
        events = read_events(response)
        hints = await_event(events, "hints")
        assert [each["hint"] for each in hints] == ["too_dark"]
        assert hints[0]["words"]
        with page.client("bob") as other:
            assert other.get("/api/state").json()["hints"] == hints


def test_a_page_that_comes_back_is_told_to_ask_again(page):
    with page.client("bob", **{"Last-Event-ID": "7"}) as bob, bob.stream("GET", "/api/stream") as response:
        assert next(read_events(response))[0] == "resync"


def test_nothing_looks_at_the_box_while_no_page_listens(page):
    time.sleep(0.3)
    end_s = time.monotonic() + 5
    while page.live.watched:
        assert time.monotonic() < end_s
        time.sleep(0.05)
    assert page.bench.history._listeners == []


def test_a_stream_ends_soon_after_its_login():
    allowed = True

    class Source:
        def __enter__(self):
            async def piece():
                await asyncio.sleep(0.01)
                return b": ping\n\n"

            return piece

        def __exit__(self, *_):
            pass

    async def run():
        nonlocal allowed
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            await asyncio.sleep(60)

        response = Streamed(Source(), "text/event-stream", allowed=lambda: allowed, check_s=0.05)
        answering = asyncio.create_task(response({}, receive, send))
        await asyncio.sleep(0.2)
        assert not answering.done()
        allowed = False
        await asyncio.wait_for(answering, 3)
        return sent[-1]

    assert asyncio.run(run()) == {"type": "http.response.body", "body": b"", "more_body": False}


def pieces(box, count=1):
    async def run():
        return [await box.next_piece() for _ in range(count)]

    return asyncio.run(run())


def test_of_states_the_newest_is_told_and_of_scans_every_one():
    box = Box(threading.Event(), 1)
    box.put("state", {"n": 1})
    for number in range(MOST_WAITING):
        box.put("scan", {"n": number})
    box.put("state", {"n": 2})
    [text] = pieces(box)
    events = text.decode().split("\n\n")[:-1]
    assert events[0] == 'event: state\ndata: {"n":2}'
    assert len(events) == 1 + MOST_WAITING


def test_scans_that_do_not_fit_are_not_lost_silently_the_page_asks_again():
    box = Box(threading.Event(), 1)
    for number in range(MOST_WAITING + 50):
        box.put("scan", {"n": number})
    [text] = pieces(box)
    assert text == b"event: resync\ndata: {}\n\n"
    assert box.overflows == 1
    box.put("scan", {"n": 1})
    assert b"event: scan" in pieces(box)[0]


def test_a_quiet_box_pings_and_the_stop_ends_it():
    stopping = threading.Event()
    box = Box(stopping, 0.05)

    async def run():
        ping = await box.next_piece()
        stopping.set()
        return ping, await box.next_piece()

    assert asyncio.run(run()) == (b": ping\n\n", None)


def test_line_ends_in_names_do_not_make_events():
    box = Box(threading.Event(), 1)
    box.put("scan", {"name": "a\n\nevent: state\ndata: {}"})
    [text] = pieces(box)
    assert text.count(b"\n\n") == 1
    assert json.loads(text.split(b"data: ", 1)[1])["name"].startswith("a\n")
