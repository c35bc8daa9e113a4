"""The contract of every finder: edges alone, and the corner network, at both efforts."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_tables import SURFACES, empty_table, lay_cards, page, plain_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cardscanner.config import FinderConfig
from cardscanner.detect import find_cards, open_finder
from cardscanner.geometry import iou
from cardscanner.ports import Finder
from cardscanner.shipped import shipped_finder
from cardscanner_tools.scene.stage import Pose


def config(backend: str, effort: str, **more) -> FinderConfig:
    model = shipped_finder() if backend == "corners" else None
    return FinderConfig(backend=backend, model=model, effort=effort, **more)


@pytest.fixture(
    scope="module", params=["contours live", "contours thorough", "corners live", "corners thorough"]
)
def wanted(request) -> FinderConfig:
    return config(*request.param.split())


@pytest.fixture(scope="module")
def finder(wanted: FinderConfig) -> Finder:
    return open_finder(wanted)


@pytest.mark.parametrize("turn", [0.0, 0.7, np.pi / 2, 2.5, np.pi, 5.0])
def test_a_card_on_a_plain_table_is_one_quad_close_to_the_truth(finder, turn):
    view = plain_table(110)
    (truth,) = lay_cards(view, Pose(610, 350, 400, turn))
    (quad,) = finder.find(view)
    assert iou(quad.corners, truth) > 0.9


def test_corners_run_clockwise_from_a_short_side(finder):
    view = plain_table(110)
    lay_cards(view, Pose(610, 350, 400, 0.4))
    (quad,) = finder.find(view)
    sides = np.linalg.norm(np.roll(quad.corners, -1, axis=0) - quad.corners, axis=1)
    one, two = quad.corners[2] - quad.corners[0], quad.corners[3] - quad.corners[1]
    assert sides[0] + sides[2] < sides[1] + sides[3]
    assert one[0] * two[1] - one[1] * two[0] > 0
    assert quad.corners.dtype == np.float32


@pytest.mark.parametrize("surface", SURFACES)
def test_an_empty_table_has_no_cards(finder, surface):
    assert finder.find(empty_table(surface, seed=1)) == []


def test_the_cards_of_a_page_are_quads_of_their_own_best_first(finder):
    view = empty_table("cloth", seed=4)
    truths = lay_cards(view, *page(3, 3, 200, (640, 360), 0.03))
    quads = finder.find(view)
    assert len(quads) == 9
    assert all(max(iou(quad.corners, truth) for quad in quads) > 0.7 for truth in truths)
    confidences = [quad.confidence for quad in quads]
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= value <= 1 for value in confidences)


def test_the_picture_is_only_looked_at(finder):
    view = plain_table(110)
    lay_cards(view, Pose(610, 350, 400, 0.4))
    before = view.copy()
    finder.find(view)
    assert np.array_equal(view, before)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(picture=arrays.arrays(np.uint8, st.tuples(st.integers(1, 90), st.integers(1, 120), st.just(3))))
def test_no_picture_is_too_small_or_too_strange(finder, picture):
    for quad in finder.find(picture):
        assert np.isfinite(quad.corners).all()


def test_a_picture_without_outline_is_a_card_when_that_is_wanted(wanted, finder):
    view = plain_table(110)[:350, :250]
    whole = wanted.model_copy(update={"whole_picture": True})
    assert find_cards(view, finder, wanted) == []
    (quad,) = find_cards(view, finder, whole)
    assert iou(quad.corners, np.array([[0, 0], [249, 0], [249, 349], [0, 349]], np.float32)) > 0.98


def test_no_more_cards_than_wanted(wanted, finder):
    view = empty_table("cloth", seed=4)
    lay_cards(view, *page(3, 3, 200, (640, 360), 0.03))
    few = wanted.model_copy(update={"max_cards": 4})
    assert len(find_cards(view, finder, few)) == 4
