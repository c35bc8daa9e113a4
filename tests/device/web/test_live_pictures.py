"""A scene as a JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from cardscanner.live import Scene
from cardscanner.records import Candidate, Card, Frame, Outline, Verdict
from cardscanner.web.live_pictures import scene_jpeg

CORNERS = np.array([[400, 200], [800, 200], [800, 760], [400, 760]], np.float32)


def decoded(scene):
    found = cv2.imdecode(np.frombuffer(scene_jpeg(scene), np.uint8), cv2.IMREAD_COLOR)
    return found[:, :, ::-1]


def frame(height=1080, width=1920, colour=(200, 60, 20)):
    return Frame(np.full((height, width, 3), colour, np.uint8), 7, 1, "top")


def test_the_longer_side_is_at_most_960_pixels_and_colours_stay():
    shown = decoded(Scene(frame(), ()))
    assert shown.shape == (540, 960, 3)
    assert np.abs(shown.mean((0, 1)) - (200, 60, 20)).max() < 6


def test_a_small_frame_is_not_enlarged_and_an_upright_one_is_fitted():
    assert decoded(Scene(frame(240, 320), ())).shape == (240, 320, 3)
    assert decoded(Scene(frame(1920, 1080), ())).shape == (960, 540, 3)


def test_outlines_lie_where_the_cards_are_and_have_the_colour_of_the_answer():
    match = Verdict("match", 0.9, 0.4, (Candidate(Card("a-1", "Ä <b>", 0), 0.9),))
    colours = {}
    for name, outline in {
        "match": Outline(CORNERS, match, True),
        "undecided": Outline(CORNERS, None, False),
        "not yet": Outline(CORNERS, Verdict("no_match", 0.1, 0.0, ()), False),
        "unknown": Outline(CORNERS, Verdict("no_match", 0.1, 0.0, ()), True),
    }.items():
        shown = decoded(Scene(frame(colour=(0, 0, 0)), (outline,)))
        colours[name] = shown[378:382, 250:350].max((0, 1)).astype(int)
        assert shown[250:370, 210:390].max() < 40, "the card itself is not painted over"
    assert colours["match"][1] > 150 > colours["match"][0]
    assert colours["unknown"][0] > 150 > colours["unknown"][1]
    assert np.ptp(colours["undecided"]) < 40
    assert np.ptp(colours["not yet"]) < 40


def test_the_frame_itself_is_not_drawn_into():
    shown = frame(480, 640)
    scene_jpeg(Scene(shown, (Outline(CORNERS / 2, None, False),)))
    assert (shown.pixels == (200, 60, 20)).all()
