"""Examples that show no card: drawn in their share, and pushed away from every class. Needs torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cardscanner_tools.training.augment_settings import NO_AUGMENTATION
from cardscanner_tools.training.captures import Captures, Drawing, Views
from cardscanner_tools.training.losses import NO_CLASS, ArcFace
from cardscanner_tools.training.pool import render_pool
from cardscanner_tools.training.recipe import CaptureMix

pytestmark = pytest.mark.train


def test_the_asked_for_share_of_examples_shows_no_card_and_has_no_class(tmp_path):
    pool = render_pool(tmp_path, 6, 3, None, None)
    examples = Captures(Drawing(pool, 5, CaptureMix(no_card=0.3), NO_AUGMENTATION), 32)
    labels = [examples.drawing.label(number) for number in range(400)]
    assert labels.count(NO_CLASS) / 400 == pytest.approx(0.3, abs=0.07)
    nothing = labels.index(NO_CLASS)
    _, crop, label = examples[nothing]
    assert crop.shape == (32, 32, 3)
    assert label == NO_CLASS
    assert np.array_equal(crop, examples[nothing][1])


def test_a_teacher_that_sees_clean_faces_sees_what_the_student_sees_when_there_is_no_card(tmp_path):
    pool = render_pool(tmp_path, 6, 3, None, None)
    drawing = Drawing(pool, 5, CaptureMix(no_card=0.5), NO_AUGMENTATION)
    views = Views(drawing, 32, 32, clean_teacher=True, labels=False)
    same = [np.array_equal(*views[number]) for number in range(20)]
    assert same == [not drawing.shows_card(number) for number in range(20)]


def test_what_shows_no_card_costs_nothing_far_from_every_class_and_much_near_one():
    classes = ArcFace(8, 4, scale=30.0, margin=0.3)
    with torch.no_grad():
        classes.weight.copy_(torch.eye(8)[:4])
    labels = torch.tensor([NO_CLASS])
    far, share = classes(torch.eye(8)[6:7], labels)
    near, _ = classes(torch.eye(8)[1:2], labels)
    assert far.item() == pytest.approx(0, abs=1e-5)
    assert near.item() == pytest.approx(30 - math.log(4), abs=1e-3)
    assert share.item() == 0


def test_cards_are_learnt_as_ever_beside_what_shows_no_card():
    torch.manual_seed(0)
    classes = ArcFace(8, 4, scale=30.0, margin=0.3)
    vectors = torch.nn.functional.normalize(torch.randn(3, 8), dim=1)
    alone, right = classes(vectors[:2], torch.tensor([0, 2]))
    both, still_right = classes(vectors, torch.tensor([0, 2, NO_CLASS]))
    nothing, _ = classes(vectors[2:], torch.tensor([NO_CLASS]))
    assert both.item() == pytest.approx((2 * alone.item() + nothing.item()) / 3, rel=1e-5)
    assert still_right.item() == right.item()
