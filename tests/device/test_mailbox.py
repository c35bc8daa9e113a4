"""LatestSlot: the newest wins, losses are counted, waiting takers wake up."""

import threading
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.mailbox import LatestSlot


def test_newest_frame_wins_and_the_loss_is_counted():
    slot: LatestSlot[str] = LatestSlot()
    for item in ("a", "b", "c"):
        slot.put(item)
    assert slot.lost == 2
    assert slot.take(0) == "c"
    assert slot.lost == 2


def test_what_was_taken_in_time_is_no_loss():
    slot: LatestSlot[int] = LatestSlot()
    for number in range(5):
        slot.put(number)
        assert slot.take(0) == number
    assert slot.lost == 0


def test_an_item_is_given_out_once():
    slot: LatestSlot[str] = LatestSlot()
    slot.put("a")
    assert slot.take(0) == "a"
    assert slot.take(0) is None


def test_an_empty_slot_gives_none_after_the_wait():
    slot: LatestSlot[str] = LatestSlot()
    began = time.monotonic()
    assert slot.take(0.05) is None
    assert time.monotonic() - began >= 0.05


def test_items_that_are_false_are_items():
    slot: LatestSlot[int] = LatestSlot()
    slot.put(0)
    slot.put(0)
    assert slot.lost == 1
    assert slot.take(0) == 0


def test_a_waiting_taker_wakes_up_when_something_comes():
    slot: LatestSlot[str] = LatestSlot()
    got: list[str | None] = []
    taker = threading.Thread(target=lambda: got.append(slot.take(30)))
    taker.start()
    slot.put("a")
    taker.join(10)
    assert got == ["a"]


def test_one_item_wakes_one_of_several_takers():
    slot: LatestSlot[str] = LatestSlot()
    got: list[str | None] = []
    takers = [threading.Thread(target=lambda: got.append(slot.take(0.3))) for _ in range(3)]
    for taker in takers:
        taker.start()
    slot.put("a")
    for taker in takers:
        taker.join(10)
    assert sorted(map(str, got)) == ["None", "None", "a"]


def test_waiting_for_an_empty_slot_ends_when_the_item_is_taken():
    slot: LatestSlot[str] = LatestSlot()
    assert slot.wait_empty(0)
    slot.put("a")
    assert not slot.wait_empty(0.01)
    taker = threading.Timer(0.02, slot.take, [0])
    taker.start()
    assert slot.wait_empty(30)
    taker.join()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), max_size=60))
def test_every_item_is_taken_or_lost_or_still_there(steps):
    slot: LatestSlot[int] = LatestSlot()
    put = taken = 0
    newest = None
    for is_put in steps:
        if is_put:
            slot.put(put)
            newest = put
            put += 1
        else:
            got = slot.take(0)
            assert got == newest
            taken += got is not None
            newest = None
    assert slot.lost + taken + (newest is not None) == put
    assert slot.wait_empty(0) == (newest is None)


def test_hammering_threads_lose_no_count_and_never_go_back():
    slot: LatestSlot[int] = LatestSlot()
    count = 20_000
    got: list[list[int]] = [[], []]
    over = threading.Event()

    def put() -> None:
        for number in range(count):
            slot.put(number)

    def take(into: list[int]) -> None:
        while not over.is_set() or not slot.wait_empty(0):
            item = slot.take(0.01)
            if item is not None:
                into.append(item)

    takers = [threading.Thread(target=take, args=(into,)) for into in got]
    putters = [threading.Thread(target=put)]
    for each in (*takers, *putters):
        each.start()
    for each in putters:
        each.join()
    over.set()
    for each in takers:
        each.join(20)
    taken = got[0] + got[1]
    assert len(taken) + slot.lost == count
    assert len(set(taken)) == len(taken)
    assert count - 1 in taken
    assert all(into == sorted(into) for into in got)
