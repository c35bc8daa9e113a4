"""One frame down the road, with the real finder, a real network and a real index."""

from __future__ import annotations

import numpy as np
import pytest
from small_scanner import CARD_H, CARD_W, photo, small_scanner, table

from cardscanner.config import FinderConfig, IndexConfig, OnnxConfig
from cardscanner.decide import Decider
from cardscanner.pipeline import Stopwatch, scan_frame
from cardscanner.records import Frame, Quad
from cardscanner.rectify import whole_picture_corners
from cardscanner.rooms import open_rooms


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    scanner = small_scanner(tmp_path_factory.mktemp("small"), shown=())
    embedder = OnnxConfig(backend="onnx", model=scanner.model, threads=1)
    with open_rooms(
        FinderConfig(backend="contours"), embedder, IndexConfig(database=scanner.database)
    ) as opened:
        yield opened


def best(rooms, sighting):
    return rooms.database.card_of(sighting.neighbours[0].row).card_id


def test_a_card_on_a_table_is_found_and_named(rooms):
    watch = Stopwatch()
    picture = photo(7)
    quads = rooms.eye.find(picture)
    (sighting,) = rooms.eye.sight(picture, quads, watch)
    assert best(rooms, sighting) == "card-007"
    assert not sighting.upside_down
    assert np.allclose(sighting.quad.corners[0], (199.5, 79.5), atol=2)
    assert set(watch.ms) == {"rectify", "embed", "search"}


def test_an_upside_down_card_is_named_and_its_corners_begin_at_its_own_top_left(rooms):
    picture = photo(7, turned=True)
    (sighting,) = rooms.eye.sight(picture, rooms.eye.find(picture), Stopwatch())
    assert best(rooms, sighting) == "card-007"
    assert sighting.upside_down
    assert np.allclose(sighting.quad.corners[0], (199.5 + CARD_W, 79.5 + CARD_H), atol=2)


def test_of_several_readings_of_a_place_the_one_that_is_recognised_wins(rooms):
    picture = photo(7)
    (whole,) = rooms.eye.find(picture)
    half = whole.corners.copy()
    half[2:] = (half[2:] + half[1::-1]) / 2
    sightings = rooms.eye.sight(picture, [Quad(half, 0.6, (half + 3, whole.corners)), whole], Stopwatch())
    assert [best(rooms, each) for each in sightings] == ["card-007", "card-007"]
    assert np.array_equal(sightings[0].quad.corners, whole.corners)
    assert sightings[0].quad.confidence == 0.6


def test_two_cards_are_two_sightings(rooms):
    picture = photo(7, at=(40, 80))
    other = photo(8, at=(380, 80))
    picture[:, 320:] = other[:, 320:]
    sightings = rooms.eye.sight(picture, rooms.eye.find(picture), Stopwatch())
    assert sorted(best(rooms, each) for each in sightings) == ["card-007", "card-008"]


def test_an_empty_table_is_no_sighting_and_costs_no_embedding(rooms):
    watch = Stopwatch()
    assert rooms.eye.sight(table(), rooms.eye.find(table()), watch) == []
    assert watch.ms == {}


def test_a_picture_without_outline_is_one_card_only_when_asked(rooms):
    flat = np.full((224, 160, 3), 90, np.uint8)
    assert rooms.eye.find(flat) == []
    rooms.eye._config = FinderConfig(backend="contours", whole_picture=True)
    try:
        (quad,) = rooms.eye.find(flat)
    finally:
        rooms.eye._config = FinderConfig(backend="contours")
    assert np.array_equal(quad.corners, whole_picture_corners(flat))


def test_a_frame_goes_the_whole_road_and_times_each_stage(rooms):
    manifest = rooms.database.manifest
    from cardscanner.config import DecideConfig

    decider = Decider(
        DecideConfig(min_frames=2), manifest.accept, rooms.database.card_of, rooms.eye.search, "top"
    )
    events, watch = [], Stopwatch()
    for seq in range(3):
        events += scan_frame(Frame(photo(7, seq), seq, seq * 10**8, "top"), rooms.eye, decider, watch)
    (event,) = events
    assert event.verdict.card.card_id == "card-007"
    assert {"find", "rectify", "embed", "search"} <= set(event.latency_ms)


def test_a_covered_outline_is_looked_for_in_its_last_place(rooms):
    from cardscanner.config import DecideConfig

    decider = Decider(
        DecideConfig(min_frames=2, gone_s=0.3),
        rooms.database.manifest.accept,
        rooms.database.card_of,
        rooms.eye.search,
        "top",
    )
    events = []
    for seq in range(40):
        picture = photo(7, seq)
        if 4 <= seq < 36:
            picture[:150, 180:300] = (205, 160, 130)  # a hand over a corner
            picture[330:, 330:460] = (205, 160, 130)
        events += scan_frame(Frame(picture, seq, seq * 10**8, "top"), rooms.eye, decider, Stopwatch())
    assert len(events) == 1


def test_no_quads_need_no_embedder(rooms):
    assert rooms.eye.sight(table(), [], Stopwatch()) == []
    assert len(rooms.eye.sight(table(), [Quad(whole_picture_corners(table()), 1.0)], Stopwatch())) == 1
