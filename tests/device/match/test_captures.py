"""Simulated captures and pictures that are no cards."""

import numpy as np
import pytest
from drawn_cards import draw_card
from projecting import ProjectingEmbedder

from cardscanner.match.captures import CAPTURE, MILD, Strength, simulate_capture
from cardscanner.match.not_cards import draw_not_card
from cardscanner.rectify import rectify, whole_picture_corners

NOTHING = Strength(corner=0, brightness=0, contrast=0, white_balance=0, blur=0, noise=0, glare=0, jpeg=95)


def _rng(seed=0):
    return np.random.default_rng(seed)


def test_the_same_seed_gives_the_same_capture_and_another_seed_another():
    card = draw_card(1)
    one, again, other = (simulate_capture(card, 224, 224, CAPTURE, _rng(seed)) for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


@pytest.mark.parametrize("size", [(224, 224), (96, 64), (32, 32)])
def test_captures_have_the_size_of_the_model(size):
    capture = simulate_capture(draw_card(1), *size, CAPTURE, _rng())
    assert (capture.shape, capture.dtype) == ((*size, 3), np.dtype(np.uint8))


def test_with_no_strength_only_jpeg_is_left():
    card = draw_card(1, height=308, width=220)
    capture = simulate_capture(card, 112, 112, NOTHING, _rng()).astype(float)
    clean = rectify(card, whole_picture_corners(card), 112, 112).astype(float)
    assert np.abs(capture - clean).mean() < 6


@pytest.mark.parametrize(
    "strength",
    [
        {"corner": 0.05},
        {"brightness": 0.3},
        {"contrast": 0.5},
        {"white_balance": 0.3},
        {"blur": 0.03},
        {"noise": 30},
        {"glare": 0.9},
    ],
    ids=lambda each: next(iter(each)),
)
def test_every_strength_changes_the_picture(strength):
    card = draw_card(1)
    plain = [simulate_capture(card, 64, 64, NOTHING, _rng(seed)).astype(float) for seed in range(8)]
    only = Strength(**{**{f: getattr(NOTHING, f) for f in NOTHING.__slots__}, **strength})
    changed = [simulate_capture(card, 64, 64, only, _rng(seed)).astype(float) for seed in range(8)]
    assert np.abs(np.array(plain) - np.array(changed)).mean() > 2


def test_a_mild_capture_stays_closer_to_the_card_than_an_ordinary_one():
    embedder = ProjectingEmbedder()
    card = draw_card(3)
    crops = [rectify(card, whole_picture_corners(card), 32, 32)]
    crops += [simulate_capture(card, 32, 32, MILD, _rng(seed)) for seed in range(20)]
    crops += [simulate_capture(card, 32, 32, CAPTURE, _rng(seed)) for seed in range(20)]
    vectors = embedder.embed(np.stack(crops))
    cosines = vectors[1:] @ vectors[0]
    assert np.median(cosines[:20]) > np.median(cosines[20:]) > 0.5


def test_large_scans_are_captured_too():
    capture = simulate_capture(draw_card(1, height=2600, width=1900), 224, 224, CAPTURE, _rng())
    assert capture.shape == (224, 224, 3)


def test_the_strengths_can_be_read_in_the_manifest():
    assert str(CAPTURE).startswith("corners 3.0% of the width")


def test_pictures_without_cards_are_of_several_kinds_and_seeded():
    pictures = [draw_not_card(number, 48, 40, _rng(number)) for number in range(14)]
    assert {(each.shape, each.dtype.name) for each in pictures} == {((48, 40, 3), "uint8")}
    assert (pictures[5] == draw_not_card(5, 48, 40, _rng(5))).all()
    roughness = [np.abs(np.diff(each.astype(float), axis=0)).mean() for each in pictures[:7]]
    assert len({round(value, 2) for value in roughness}) == 7
