"""Card faces: 63 by 88, the same from the same specification, told apart by what tells prints apart."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from cardscanner_tools.render.cards import ASPECT, render_card, rounded_mask
from cardscanner_tools.render.catalogue import catalogue

SPECS = catalogue(60, 5, reprint_share=0.3)


def digest(picture: np.ndarray) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()


def test_one_specification_is_one_face_and_no_two_cards_look_the_same():
    faces = [digest(render_card(spec, 160)) for spec in SPECS]
    assert faces == [digest(render_card(spec, 160)) for spec in SPECS]
    assert len(set(faces)) == len(SPECS)


@pytest.mark.parametrize("height", [88, 160, 336, 560])
def test_a_face_has_the_proportions_of_a_card(height):
    for spec in SPECS[:6]:
        face = render_card(spec, height)
        assert face.shape == (height, round(height * ASPECT), 3)
        assert face.dtype == np.uint8


def test_reprints_share_their_art_and_differ_somewhere_else():
    by_id = {spec.card_id: spec for spec in SPECS}
    pairs = [(by_id[spec.reprint_of], spec) for spec in SPECS if spec.reprint_of]
    same_frame = [(first, second) for first, second in pairs if first.frame == second.frame]
    assert same_frame
    for first, second in same_frame:
        differing = (render_card(first, 336) != render_card(second, 336)).any(axis=2)
        assert 0 < differing.mean() < 0.02
        assert not differing[: int(336 * 0.8)].any()


def test_another_art_changes_most_of_the_window_and_not_the_name():
    spec = next(each for each in SPECS if each.reprint_of is None)
    other = replace(spec, art=spec.art + 1)
    differing = (render_card(spec, 336) != render_card(other, 336)).any(axis=2)
    assert differing.mean() > 0.2


def test_free_pictures_enter_the_art_only_when_they_are_given():
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 255
    with_pictures = [digest(render_card(spec, 160, [stripes])) for spec in SPECS]
    without = [digest(render_card(spec, 160)) for spec in SPECS]
    changed = sum(one != other for one, other in zip(with_pictures, without, strict=True))
    assert len(SPECS) * 0.2 < changed


@pytest.mark.parametrize("size", [(336, 240), (88, 63), (10, 7)])
def test_the_mask_is_full_but_for_the_corners(size):
    mask = rounded_mask(*size)
    assert mask.shape == size
    assert mask.dtype == np.uint8
    assert mask[size[0] // 2].min() == 255
    assert mask[:, size[1] // 2].min() == 255
    assert mask[0, 0] < 255
    np.testing.assert_array_equal(mask > 127, (mask > 127)[::-1])
    np.testing.assert_array_equal(mask > 127, (mask > 127)[:, ::-1])
    assert (mask > 127).mean() > 0.95 or size[0] == 10
