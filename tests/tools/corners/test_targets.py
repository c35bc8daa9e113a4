"""What the targets say, the product reads: the two halves of the corner maps agree."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cardscanner.detect.corner_maps import (
    CHANNELS,
    CORNER,
    LYING,
    LYING_CORNERS,
    MIDDLE,
    OFFSET,
    STANDING_CORNERS,
    read_quads,
)
from cardscanner.geometry import iou
from cardscanner_tools.corners.targets import clockwise, conventions, targets

RATIO = 88 / 63


def card(width: float, turn: float, x: float, y: float) -> np.ndarray:
    square = np.array([[-1, -RATIO], [1, -RATIO], [1, RATIO], [-1, RATIO]]) * width / 2
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return (square @ spin + [x, y]).astype(np.float32)


def answered(outlines: np.ndarray, boxes=None, rows: int = 40, columns: int = 40) -> np.ndarray:
    """Maps of a network that answers exactly what it should."""
    given_boxes = np.zeros(len(outlines), bool) if boxes is None else np.array(boxes)
    wanted = targets(outlines, given_boxes, rows, columns)
    maps = np.zeros((rows, columns, CHANNELS), np.float32)
    for channel, heat in ((MIDDLE, wanted.heat[..., 0]), (CORNER, wanted.heat[..., 1])):
        sure = np.clip(heat, 1e-4, 1 - 1e-4)
        maps[..., channel] = np.log(sure / (1 - sure))
    maps[..., LYING] = wanted.lying[..., 0] * 10 - 5
    maps[..., OFFSET] = wanted.offset[..., :2]
    maps[..., STANDING_CORNERS] = wanted.corners[..., :8]
    maps[..., LYING_CORNERS] = wanted.corners[..., 8:]
    return maps


@settings(deadline=None, max_examples=60)
@given(
    width=st.floats(30, 170),
    turn=st.floats(0, 2 * np.pi),
    x=st.floats(120, 200),
    y=st.floats(120, 200),
)
@example(width=41.0, turn=0.0, x=123.0, y=120.0)
def test_an_exact_answer_is_read_as_the_outline(width, turn, x, y):
    truth = card(width, turn, x, y)
    quads, confidence = read_quads(answered(truth[None]), 0.5, 10)
    assert len(quads) == 1
    assert confidence[0] > 0.9
    assert iou(quads[0], truth) > 0.98


def test_cards_of_a_page_are_read_one_by_one():
    page = np.stack(
        [card(50, 0.05, 60 + 65 * column, 60 + 90 * row) for row in range(3) for column in range(4)]
    )
    quads, _ = read_quads(answered(page), 0.5, 50)
    assert len(quads) == 12
    assert all(max(iou(quad, truth) for quad in quads) > 0.97 for truth in page)


def test_a_picture_without_cards_asks_for_nothing():
    wanted = targets(np.zeros((0, 4, 2), np.float32), np.zeros(0, bool), 20, 30)
    assert wanted.heat.max() == 0
    assert wanted.weight.max() == 0
    assert len(read_quads(answered(np.zeros((0, 4, 2), np.float32)), 0.5, 10)[0]) == 0


def test_of_a_card_known_by_its_box_only_the_middle_is_asked_for():
    box = card(60, 0.0, 160, 160)
    wanted = targets(box[None], np.array([True]), 40, 40)
    assert wanted.heat[..., 0].max() == 1
    assert wanted.weight.max() == 0
    assert wanted.offset.max() == 0


@pytest.mark.parametrize("turn", np.linspace(0, 2 * np.pi, 17))
def test_standing_begins_with_the_upper_short_side_and_lying_with_the_left_one(turn):
    standing, lying, sideways = conventions(card(60, turn, 160, 160))
    for way in (standing, lying):
        assert np.linalg.norm(way[1] - way[0]) < np.linalg.norm(way[2] - way[1])
    assert standing[:2, 1].mean() <= standing[2:, 1].mean() + 1e-3
    assert lying[:2, 0].mean() <= lying[2:, 0].mean() + 1e-3
    assert sideways == pytest.approx(abs(np.sin(turn)) / (abs(np.sin(turn)) + abs(np.cos(turn))), abs=1e-3)


def test_outlines_drawn_the_other_way_round_are_turned_clockwise():
    truth = card(60, 0.3, 160, 160)
    assert np.array_equal(clockwise(truth), truth)
    assert np.array_equal(clockwise(truth[::-1]), truth)


def test_a_large_and_a_small_card_weigh_the_same():
    wanted = targets(np.stack([card(40, 0, 60, 60), card(120, 0, 220, 200)]), np.zeros(2, bool), 40, 40)
    small, large = wanted.weight[:15, :15].sum(), wanted.weight[15:, 15:].sum()
    assert small * 40 == pytest.approx(large * 120, rel=1e-3)
