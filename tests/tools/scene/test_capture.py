"""Views of a card: always a crop of the asked size, harder with a harder style."""

import hashlib

import cv2
import numpy as np
import pytest

from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene.capture import CLEAN, HARD, USUAL, CaptureStyle, capture, surface

FACES = [render_card(spec, 336) for spec in catalogue(4, 11, reprint_share=0.0)]


@pytest.mark.parametrize("style", [CLEAN, USUAL, HARD], ids=["clean", "usual", "hard"])
def test_every_seed_gives_a_crop(style):
    for seed in range(60):
        crop = capture(np.random.default_rng([5, seed]), FACES[seed % 4], style)
        assert crop.shape == (224, 224, 3)
        assert crop.dtype == np.uint8
        assert crop.std() > 1


def test_one_seed_is_one_view_and_the_face_stays_as_it_is():
    kept = FACES[0].copy()
    digests = [
        [
            hashlib.sha256(capture(np.random.default_rng(seed), FACES[0]).tobytes()).hexdigest()
            for seed in range(10)
        ]
        for _ in range(2)
    ]
    assert digests[0] == digests[1]
    assert len(set(digests[0])) == 10
    np.testing.assert_array_equal(FACES[0], kept)


@pytest.mark.parametrize("side", [64, 112])
def test_the_crop_has_the_asked_side(side):
    assert capture(np.random.default_rng(1), FACES[0], USUAL, side).shape == (side, side, 3)


@pytest.mark.parametrize("size", [(700, 500), (100, 72), (20, 14)])
def test_faces_of_any_resolution_can_be_seen(size):
    face = np.random.default_rng(2).integers(0, 256, (*size, 3), dtype=np.uint8)
    for seed in range(10):
        assert capture(np.random.default_rng(seed), face, HARD).shape == (224, 224, 3)


def test_a_clean_view_resembles_its_own_card_and_no_other():
    small = [cv2.resize(face, (28, 28), interpolation=cv2.INTER_AREA).astype(float) for face in FACES]
    right = 0
    for seed in range(40):
        crop = capture(np.random.default_rng([6, seed]), FACES[seed % 4], CLEAN)
        view = cv2.resize(crop, (28, 28), interpolation=cv2.INTER_AREA).astype(float)
        scores = [np.corrcoef(view.ravel(), each.ravel())[0, 1] for each in small]
        right += int(np.argmax(scores)) == seed % 4
    assert right >= 38


def test_a_perfect_style_shows_the_card_upright_and_unhidden():
    style = CaptureStyle(0.0, (299, 300), 0.0, 0.0, 0.0, 0.0, 0.0)
    wanted = cv2.resize(FACES[1], (56, 56), interpolation=cv2.INTER_AREA).astype(float)
    for seed in range(6):
        crop = capture(np.random.default_rng(seed), FACES[1], style)
        view = cv2.resize(crop, (56, 56), interpolation=cv2.INTER_AREA).astype(float)
        assert np.abs(view - wanted)[3:-3, 3:-3].mean() < 12


def test_surfaces_cover_the_whole_table():
    for seed in range(20):
        table = surface(np.random.default_rng(seed), 90, 120)
        assert table.shape == (90, 120, 3)
        assert table.dtype == np.uint8
