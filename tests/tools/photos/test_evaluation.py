"""Pairing labels with found quads, and the gallery of hashes."""

import cv2
import numpy as np
from drawn_cards import draw_card
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.geometry import iou
from cardscanner.rectify import turned
from cardscanner_tools.photos.evaluation import FOUND_IOU, HashGallery, _pair


def box(left: float, top: float, width: float = 63, height: float = 88) -> np.ndarray:
    return np.array(
        [[left, top], [left + width, top], [left + width, top + height], [left, top + height]], np.float32
    )


def test_each_label_gets_the_quad_that_lies_on_it():
    pairs = _pair([box(0, 0), box(100, 0)], [box(101, 1), box(300, 0), box(1, 1)])
    assert {row: column for row, (column, _) in pairs.items()} == {0: 2, 1: 0}
    assert all(overlap > 0.9 for _, overlap in pairs.values())


def test_a_quad_that_only_touches_is_not_found():
    assert _pair([box(0, 0)], [box(40, 0)]) == {}
    assert _pair([box(0, 0)], []) == {}
    assert _pair([], [box(0, 0)]) == {}


def test_the_outer_and_the_inner_frame_of_one_card_are_one_card():
    pairs = _pair([box(0, 0)], [box(6, 6, 51, 76), box(0, 0, 64, 89)])
    assert {row: column for row, (column, _) in pairs.items()} == {0: 1}


def test_two_labels_on_one_quad_leave_one_label_unfound():
    pairs = _pair([box(0, 0), box(10, 0)], [box(8, 0)])
    assert {row: column for row, (column, _) in pairs.items()} == {1: 0}


BOXES = st.lists(st.builds(box, st.floats(0, 150), st.floats(0, 150)), max_size=6)


@settings(max_examples=150, deadline=None)
@given(BOXES, BOXES)
def test_pairs_are_one_to_one_overlapping_and_nobody_is_left_who_could_pair(labels, found):
    pairs = _pair(labels, found)
    taken = [column for column, _ in pairs.values()]
    assert len(set(taken)) == len(taken)
    for row, (column, overlap) in pairs.items():
        assert overlap == iou(labels[row], found[column]) >= FOUND_IOU
    for row, label in enumerate(labels):
        for column, quad in enumerate(found):
            if row not in pairs and column not in taken:
                assert iou(label, quad) < FOUND_IOU


def test_the_hash_gallery_finds_a_card_either_way_up(tmp_path):
    references = []
    for number in range(8):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), draw_card(number, 184, 132)[:, :, ::-1])
        references.append((f"c{number}", path))
    gallery = HashGallery.of(references, 112, 80)
    crop = cv2.resize(draw_card(5, 184, 132), (80, 112), interpolation=cv2.INTER_AREA)
    for view in (crop, turned(crop[None])[0]):
        nearest = gallery.nearest(view, 3)
        assert set(nearest) == {8, 16}
        for names in nearest.values():
            assert len(names) == 3
            assert names[0] == "c5"
