"""Quality hints on drawn pictures of different light, blur, glare and place."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from cardscanner.live import Scene
from cardscanner.records import Candidate, Card, Frame, Outline, Verdict
from cardscanner.web.hints import LIMITS, WORDS, Hints, measured

CORNERS = np.array([[500, 150], [720, 150], [720, 458], [500, 458]], np.float32)


def drawn(corners=CORNERS, light=1.0, blur_px=0.0, glare=0.0, size=(720, 1280)):
    """A card with fine print on a dark table."""
    picture = np.full((*size, 3), (38, 40, 46), np.float32)
    rng = np.random.default_rng(3)
    print_ = cv2.resize(
        rng.integers(0, 130, (88, 64, 3)).astype(np.float32), (320, 440), interpolation=cv2.INTER_NEAREST
    )
    scene_ = cv2.resize(
        rng.integers(0, 100, (5, 4, 3)).astype(np.float32), (320, 440), interpolation=cv2.INTER_NEAREST
    )
    card = print_ + scene_
    if glare:
        card[: round(440 * glare)] = 400
    source = np.array([[0, 0], [319, 0], [319, 439], [0, 439]], np.float32)
    turn = cv2.getPerspectiveTransform(source, corners)
    mask = cv2.warpPerspective(np.ones((440, 320), np.float32), turn, size[::-1])
    laid = cv2.warpPerspective(card, turn, size[::-1])
    picture = np.where(mask[..., None] > 0.5, laid, picture)
    if blur_px:
        picture = cv2.GaussianBlur(picture, (0, 0), blur_px)
    noise = np.random.default_rng(1).normal(0, 2, picture.shape)
    return np.clip(picture * light + noise, 0, 255).astype(np.uint8)


def scene(picture, corners=CORNERS, verdict=None, reported=False):
    outlines = () if corners is None else (Outline(corners, verdict, reported),)
    return Scene(Frame(picture, 0, 0, "top"), outlines)


def shown(hints, picture, corners=CORNERS, times=3):
    for _ in range(times):
        found = hints.look(scene(picture, corners))
    return [each["hint"] for each in found]


def test_a_good_picture_has_no_hints():
    assert shown(Hints(), drawn(), times=8) == []


def test_little_light_is_too_dark_but_a_dark_table_is_not():
    assert "too_dark" in shown(Hints(), drawn(light=0.2))
    assert "too_dark" not in shown(Hints(), drawn())


def test_a_white_patch_on_the_card_is_glare():
    assert shown(Hints(), drawn(glare=0.4)) == ["glare"]
    assert shown(Hints(), drawn(glare=0.05)) == []


def test_a_small_card_should_come_closer():
    small = (CORNERS - CORNERS.mean(0)) * 0.4 + CORNERS.mean(0)
    assert "closer" in shown(Hints(), drawn(small.astype(np.float32)), small.astype(np.float32))


@pytest.mark.parametrize(("share", "blurred"), [(0.0, False), (0.004, False), (0.02, True), (0.04, True)])
def test_blur_beyond_what_the_network_was_trained_on_is_told(share, blurred):
    assert ("blurred" in shown(Hints(), drawn(blur_px=share * 220))) is blurred


def test_a_dim_sharp_card_is_not_called_blurred():
    assert "blurred" not in shown(Hints(), drawn(light=0.5))


def test_a_card_that_leaves_the_picture_should_lie_in_it_whole():
    outside = CORNERS - np.array([530, 0], np.float32)
    assert "whole_card" in shown(Hints(), drawn(outside), outside)


def test_a_moving_card_should_be_held_still_and_is_not_called_blurred():
    hints = Hints()
    for step in range(5):
        corners = CORNERS + np.array([step * 40, 0], np.float32)
        found = hints.look(scene(drawn(corners, blur_px=6), corners))
    assert [each["hint"] for each in found] == ["hold_still"]


def test_an_empty_table_says_so_after_a_while():
    hints = Hints()
    assert shown(hints, drawn(), corners=None, times=4) == []
    assert shown(hints, drawn(), corners=None, times=2) == ["no_card"]
    assert shown(hints, drawn(), times=1) == []


def test_in_the_dark_nobody_is_told_that_there_is_no_card():
    assert shown(Hints(), drawn(light=0.1), corners=None, times=9) == ["too_dark"]


def test_a_card_that_was_recognised_needs_nothing_better():
    verdict = Verdict("match", 0.9, 0.4, (Candidate(Card("a-1", "A", 0), 0.9),))
    hints = Hints()
    for _ in range(5):
        found = hints.look(scene(drawn(blur_px=8, glare=0.5), verdict=verdict, reported=True))
    assert found == []


def test_one_bad_picture_is_no_hint():
    hints = Hints()
    shown(hints, drawn())
    assert shown(hints, drawn(light=0.2), times=1) == []
    assert shown(hints, drawn(), times=1) == []


def test_light_that_hovers_at_the_limit_does_not_flicker():
    hints = Hints()
    limit = LIMITS["too_dark"]
    said = []
    for number in range(30):
        light = 66 if number < 4 else limit.begin + (3 if number % 2 else -3)
        flat = np.full((360, 640, 3), round(light), np.uint8)
        said.append(bool(hints.look(scene(flat, None))))
    assert said[:4].count(True) >= 2
    assert all(said[4:])


def test_no_frames_are_no_hints_and_forget_what_was():
    hints = Hints()
    assert shown(hints, drawn(light=0.2))
    assert hints.look(None) == []
    assert shown(hints, drawn(), times=1) == []


def test_every_hint_has_words():
    assert set(LIMITS) | {"no_card"} == set(WORDS)


def test_the_largest_open_card_is_measured():
    small = (CORNERS - CORNERS.mean(0)) * 0.3 + CORNERS.mean(0)
    both = Scene(
        Frame(drawn(), 0, 0, "top"),
        (Outline(small.astype(np.float32), None, False), Outline(CORNERS, None, False)),
    )
    measures, corners = measured(both)
    assert corners is CORNERS
    assert measures.height_px == pytest.approx(308)
    assert measured(replace(both, outlines=()))[1] is None
