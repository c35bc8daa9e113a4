"""Finding cards on drawn tables: where they lie is known to a fraction of a pixel."""

import cv2
import numpy as np
import pytest
from drawn_tables import (
    SURFACES,
    card_face,
    corner_error,
    empty_table,
    lay_cards,
    page,
    plain_table,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cardscanner.config import FinderConfig
from cardscanner.detect import find_cards, open_finder
from cardscanner.geometry import iou
from cardscanner_tools.scene import props
from cardscanner_tools.scene.stage import Pose, Thing, hand, lay

EFFORTS = ("live", "thorough")
TURNS = (0.0, 0.4, 1.2, np.pi / 2, 2.2, np.pi, 4.0, 5.5)


def found(view, effort="live", **config):
    wanted = FinderConfig(backend="contours", effort=effort, **config)
    return find_cards(view, open_finder(wanted), wanted)


def share_found(quads, truths, level=0.9):
    return np.mean([any(iou(quad.corners, truth) > level for quad in quads) for truth in truths])


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("turn", TURNS)
def test_corners_of_a_clean_card_are_right_to_a_hundredth_of_its_width_however_it_lies(turn, effort):
    view = plain_table(120)
    (truth,) = lay_cards(view, Pose(603.3, 350.7, 410, turn))
    (quad,) = found(view, effort)
    assert corner_error(quad, truth) < 0.01
    assert quad.confidence > 0.8


@pytest.mark.parametrize("surface", SURFACES)
def test_one_card_on_any_table_is_one_quad(surface):
    view = empty_table(surface, seed=2)
    (truth,) = lay_cards(view, Pose(640, 360, 430, 0.4))
    (quad,) = found(view)
    assert iou(quad.corners, truth) > 0.85


@pytest.mark.parametrize(("tilt_x", "tilt_y"), [(0.5, 0.0), (0.0, 0.5), (0.4, -0.4)])
def test_a_tilted_card_is_found_with_its_perspective(tilt_x, tilt_y):
    view = plain_table(90)
    (truth,) = lay_cards(view, Pose(640, 360, 430, 0.3, tilt_x, tilt_y))
    (quad,) = found(view, "thorough")
    assert corner_error(quad, truth) < 0.02


@pytest.mark.parametrize("effort", EFFORTS)
def test_two_cards_are_two_quads(effort):
    view = empty_table("wood", seed=3)
    truths = lay_cards(view, Pose(400, 360, 430, 0.1), Pose(860, 350, 420, 2.9))
    quads = found(view, effort)
    assert len(quads) == 2
    assert share_found(quads, truths, 0.85) == 1


@pytest.mark.parametrize("effort", EFFORTS)
def test_the_nine_cards_of_a_page_are_nine_quads(effort):
    view = empty_table("cloth", seed=4)
    truths = lay_cards(view, *page(3, 3, 200, (640, 360), 0.03))
    quads = found(view, effort)
    assert len(quads) == 9
    assert share_found(quads, truths, 0.75) == 1


@pytest.mark.parametrize("contrast", [0.5, 0.3, 0.2])
def test_weak_contrast_does_not_hide_a_card(contrast):
    view = empty_table("cloth", seed=2)
    (truth,) = lay_cards(view, Pose(640, 360, 430, 0.2))
    (quad,) = found((view * contrast + 60).astype(np.uint8))
    assert corner_error(quad, truth) < 0.02


def test_a_card_that_is_partly_outside_the_frame_is_found_with_corners_outside():
    view = plain_table(90)
    (truth,) = lay_cards(view, Pose(115, 360, 430, 0.1))
    (quad,) = found(view, "thorough")
    assert truth[:, 0].min() < -30
    assert quad.corners[:, 0].min() < 0
    assert iou(quad.corners, truth) > 0.75


def test_a_finger_over_one_corner_does_not_move_the_others():
    view = plain_table(90)
    (truth,) = lay_cards(view, Pose(640, 360, 430))
    hand(view, (truth[2, 0] - 25, truth[2, 1] - 25), 0.8, np.array([205.0, 160, 130]), 60)
    quads = found(view, "thorough")
    best = max(quads, key=lambda quad: iou(quad.corners, truth))
    assert corner_error(best, truth) < 0.03


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_found_on_an_empty_table(surface, seed, effort):
    assert found(empty_table(surface, seed), effort) == []


@pytest.mark.parametrize("prop", [props.book, props.cup, props.coins, props.note, props.phone])
@pytest.mark.parametrize("seed", [1, 2])
def test_things_that_are_no_cards_are_not_found_live(prop, seed):
    view = empty_table("wood", seed)
    lay(view, Thing(*prop(np.random.default_rng(seed)), Pose(640, 360, 430, 0.3 * seed)))
    assert found(view) == []


@pytest.mark.parametrize("effort", EFFORTS)
def test_a_hand_is_no_card(effort):
    view = empty_table("cloth", seed=1)
    hand(view, (640.0, 300.0), 1.5, np.array([205.0, 160, 130]), 60)
    assert found(view, effort) == []


@pytest.mark.parametrize("turn", TURNS)
def test_corners_run_clockwise_from_the_upper_short_side(turn):
    view = plain_table(120)
    lay_cards(view, Pose(640, 360, 410, turn))
    (quad,) = found(view)
    sides = np.roll(quad.corners, -1, axis=0) - quad.corners
    length = np.linalg.norm(sides, axis=1)
    turns = sides[:, 0] * np.roll(sides, -1, axis=0)[:, 1] - sides[:, 1] * np.roll(sides, -1, axis=0)[:, 0]
    assert (turns > 0).all()
    assert max(length[[0, 2]]) < min(length[[1, 3]])
    top, bottom = quad.corners[[0, 1]].mean(axis=0), quad.corners[[2, 3]].mean(axis=0)
    assert top[1] < bottom[1] + 1
    assert quad.corners.dtype == np.float32
    assert quad.corners.flags.c_contiguous


def test_a_small_picture_of_one_card_is_looked_at_too():
    view = cv2.resize(plain_table(90, (720, 960)), (320, 240))
    (truth,) = lay_cards(view, Pose(160, 120, 150, 0.2))
    (quad,) = found(view)
    assert iou(quad.corners, truth) > 0.9


def test_the_best_quads_are_kept_up_to_the_limit():
    view = empty_table("cloth", seed=4)
    lay_cards(view, *page(3, 3, 200, (640, 360), 0.03))
    every = found(view)
    some = found(view, max_cards=4)
    assert len(some) == 4
    confidence = [quad.confidence for quad in every]
    assert confidence == sorted(confidence, reverse=True)
    assert [quad.confidence for quad in some] == pytest.approx(confidence[:4], abs=1e-3)


def test_less_certain_quads_come_only_when_they_are_asked_for():
    view = empty_table("wood", seed=3)
    lay_cards(view, Pose(400, 360, 430, 0.1))
    lay(view, Thing(*props.receipt(np.random.default_rng(3)), Pose(900, 360, 430, 0.9)))
    everything = found(view, "thorough", min_confidence=0.0)
    assert min(quad.confidence for quad in everything) < 0.6
    certain = found(view, "thorough", min_confidence=0.9)
    assert 1 <= len(certain) < len(everything)
    assert all(quad.confidence >= 0.9 for quad in certain)


def test_the_whole_picture_is_a_card_only_when_the_configuration_says_so():
    face = card_face(3)
    assert found(face[20:-20, 20:-20].copy(), whole_picture=False) == []
    (quad,) = found(face[20:-20, 20:-20].copy(), whole_picture=True)
    height, width = face.shape[0] - 40, face.shape[1] - 40
    np.testing.assert_allclose(
        quad.corners, np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
    )


def test_the_whole_picture_is_not_added_to_a_card_that_is_found():
    view = plain_table(120)
    (truth,) = lay_cards(view, Pose(640, 360, 410, 0.3))
    (quad,) = found(view, whole_picture=True)
    assert corner_error(quad, truth) < 0.01


def stripes(height, width, period, across):
    rows, columns = np.mgrid[0:height, 0:width]
    return np.repeat((((columns if across else rows) // period) % 2 * 255)[..., None], 3, axis=2).astype(
        np.uint8
    )


SIDES = st.integers(1, 120)
PICTURES = st.one_of(
    st.tuples(SIDES, SIDES).flatmap(lambda size: arrays.arrays(np.uint8, (*size, 3))),
    st.builds(lambda h, w, seed: np.random.default_rng(seed).integers(0, 256, (h, w, 3), np.uint8), SIDES, SIDES,
              st.integers(0, 1000)),
    st.builds(lambda h, w, level: np.full((h, w, 3), level, np.uint8), SIDES, SIDES, st.integers(0, 255)),
    st.builds(stripes, SIDES, SIDES, st.integers(1, 40), st.booleans()),
    st.builds(lambda h, w: stripes(h, w, 17, True) ^ stripes(h, w, 23, False), SIDES, SIDES),
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
@given(PICTURES, st.sampled_from(EFFORTS))
def test_any_picture_gives_finite_convex_clockwise_quads_and_no_error(picture, effort):
    for quad in found(picture, effort, min_confidence=0.0, whole_picture=True):
        assert quad.corners.shape == (4, 2)
        assert np.isfinite(quad.corners).all()
        assert 0 <= quad.confidence <= 1
        sides = np.roll(quad.corners, -1, axis=0) - quad.corners
        after = np.roll(sides, -1, axis=0)
        if picture.shape[0] > 1 and picture.shape[1] > 1:
            assert (sides[:, 0] * after[:, 1] - sides[:, 1] * after[:, 0] > 0).all()


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize(("period", "across"), [(3, True), (12, False), (60, True)])
def test_a_frame_full_of_stripes_is_borne(period, across, effort):
    assert all(np.isfinite(quad.corners).all() for quad in found(stripes(720, 1280, period, across), effort))


@pytest.mark.parametrize("effort", EFFORTS)
def test_a_frame_of_noise_holds_no_card(effort):
    assert found(np.random.default_rng(5).integers(0, 256, (720, 1280, 3), np.uint8), effort) == []
