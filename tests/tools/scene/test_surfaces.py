"""Tables: any size, seeded."""

import numpy as np
import pytest

from cardscanner_tools.scene.surfaces import SURFACES


@pytest.mark.parametrize("kind", sorted(set(SURFACES), key=lambda each: each.__name__))
@pytest.mark.parametrize("size", [(720, 1280), (30, 20), (4, 4)])
def test_a_surface_has_the_asked_size_and_follows_from_its_seed(kind, size):
    one, two, other = (kind(np.random.default_rng(seed), *size) for seed in (1, 1, 2))
    assert one.shape == (*size, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()
