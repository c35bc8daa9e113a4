"""Drawn frames that the finder is fitted to."""

import numpy as np
import pytest

from cardscanner.geometry import area
from cardscanner_tools.finder.layouts import LAYOUTS, RATIO
from cardscanner_tools.finder.scenes import draw_scene


def scenes(count):
    return [draw_scene(np.random.default_rng([3, number])) for number in range(count)]


def test_the_same_seed_draws_the_same_frame():
    one, two = draw_scene(np.random.default_rng(8)), draw_scene(np.random.default_rng(8))
    np.testing.assert_array_equal(one.picture, two.picture)
    np.testing.assert_array_equal(np.array(one.outlines), np.array(two.outlines))


def test_frames_are_pictures_and_outlines_lie_mostly_in_them_clockwise():
    some = scenes(8)
    assert len({scene.kind for scene in some}) > 2
    for scene in some:
        assert scene.picture.dtype == np.uint8
        assert scene.picture.ndim == 3
        height, width = scene.picture.shape[:2]
        for outline in scene.outlines:
            middle = outline.mean(axis=0)
            assert -0.25 * width < middle[0] < 1.25 * width
            assert -0.25 * height < middle[1] < 1.25 * height
            one, two = outline[1] - outline[0], outline[3] - outline[0]
            assert one[0] * two[1] - one[1] * two[0] > 0


@pytest.mark.parametrize("kind", [kind for kind in LAYOUTS if kind != "empty"])
def test_cards_lie_in_the_form_of_cards_and_apart(kind):
    for seed in range(20):
        outlines = LAYOUTS[kind](np.random.default_rng(seed), 720, 1280)
        assert outlines or kind == "binder"
        for outline in outlines:
            side = np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1)
            assert 0.6 < (side[1] + side[3]) / (side[0] + side[2]) / RATIO < 1.7
            assert area(outline) > 600


def test_an_empty_frame_has_no_cards():
    assert LAYOUTS["empty"](np.random.default_rng(0), 720, 1280) == []
