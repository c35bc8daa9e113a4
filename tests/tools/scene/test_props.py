"""Things that are no cards."""

import numpy as np
import pytest

from cardscanner_tools.render.cards import ASPECT
from cardscanner_tools.scene.props import PROPS


@pytest.mark.parametrize("prop", PROPS, ids=lambda each: each.__name__)
def test_a_prop_has_a_face_and_a_mask_of_the_same_size(prop):
    for seed in range(5):
        face, mask = prop(np.random.default_rng(seed))
        assert face.dtype == mask.dtype == np.uint8
        assert face.shape == (*mask.shape, 3)
        assert 0.2 < (mask > 127).mean() <= 1
        again, _ = prop(np.random.default_rng(seed))
        np.testing.assert_array_equal(face, again)


@pytest.mark.parametrize("prop", PROPS, ids=lambda each: each.__name__)
def test_no_prop_has_the_proportions_of_a_card(prop):
    face, _ = prop(np.random.default_rng(1))
    assert abs(face.shape[1] / face.shape[0] / ASPECT - 1) > 0.1
