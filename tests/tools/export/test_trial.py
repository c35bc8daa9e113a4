"""Captures to calibrate and compare with: by seed, of the asked size, never the same cards twice."""

from __future__ import annotations

import numpy as np
import pytest

from cardscanner.errors import InputError
from cardscanner.manifest import InputSpec, ModelManifest
from cardscanner_tools.export.trial import Trial, calibration_crops, cosines, square_side, top1


def test_the_same_seed_draws_the_same_trial_and_another_seed_another():
    first, again, other = (Trial.render(seed, 4, 2, 64) for seed in (5, 5, 6))
    assert np.array_equal(first.gallery, again.gallery)
    assert np.array_equal(first.queries, again.queries)
    assert not np.array_equal(first.gallery, other.gallery)
    assert (first.gallery.shape, first.queries.shape) == ((4, 64, 64, 3), (2, 64, 64, 3))


def test_a_query_shows_the_card_of_its_own_row():
    trial = Trial.render(5, 6, 6, 64)
    grey = [each.mean(axis=3)[:, 8:-8, 8:-8].reshape(6, -1) for each in (trial.gallery, trial.queries)]
    flat = [(each - each.mean(axis=1, keepdims=True)) for each in grey]
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in flat]
    assert top1(*unit) >= 4 / 6


@pytest.mark.parametrize(("cards", "queries"), [(4, 5), (4, 0)])
def test_more_queries_than_cards_or_none_are_refused(cards, queries):
    with pytest.raises(InputError, match="a trial needs at least one query"):
        Trial.render(5, cards, queries, 64)


def test_calibration_is_drawn_by_seed_and_a_shorter_one_is_the_start_of_a_longer():
    five, three = calibration_crops(9, 5, 64), calibration_crops(9, 3, 64)
    assert five.shape == (5, 64, 64, 3)
    assert np.array_equal(five[:3], three)
    assert not np.array_equal(five[3], five[4])


def test_a_model_with_oblong_crops_is_refused_in_words():
    manifest = ModelManifest(
        name="tall", version="1", space="tall", input=InputSpec(height=320, width=224),
        files={"model.onnx": {"sha256": "0" * 64, "size": 1}}, licence="x", created="now",
    )  # fmt: skip
    with pytest.raises(InputError, match="320 x 224"):
        square_side(manifest)


def test_cosines_need_no_unit_length_and_nothing_is_like_nothing():
    one = np.array([[3, 0], [0, 2], [1, 1], [0, 0]], np.float32)
    other = np.array([[1, 0], [0, -5], [1, 0], [1, 0]], np.float32)
    assert cosines(one, other)[:3] == pytest.approx([1, -1, np.sqrt(0.5)])
    assert np.isnan(cosines(one, other)[3])


def test_top1_is_the_share_of_rows_that_find_themselves():
    gallery = np.eye(4, dtype=np.float32)
    assert top1(gallery, gallery[[0, 1, 3]]) == pytest.approx(2 / 3)
