"""Prints that share a picture are joined: by label, or because nothing can tell them apart."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_databases import random_units

from cardscanner.match.artworks import join_artworks


def _near(vector, cosine, seed):
    noise = random_units(1, len(vector), seed)[0]
    noise -= noise @ vector * vector
    noise /= np.linalg.norm(noise)
    return cosine * vector + np.sqrt(1 - cosine**2) * noise


def test_labels_join_and_empty_labels_do_not():
    artworks = join_artworks(["", "7", "", "7", "8"], random_units(5, 64).astype(np.float16), 0.9)
    assert artworks.tolist() == [0, 1, 2, 1, 3]


def test_close_vectors_are_joined_and_others_are_not():
    vectors = random_units(4, 64)
    vectors[2] = _near(vectors[0], 0.97, seed=5)
    vectors[3] = _near(vectors[1], 0.93, seed=6)
    assert join_artworks([""] * 4, vectors, 0.95).tolist() == [0, 1, 0, 2]


def test_joining_is_transitive_across_labels_and_cosines():
    vectors = random_units(4, 64)
    vectors[1] = vectors[0]
    assert join_artworks(["", "a", "a", ""], vectors, 0.95).tolist() == [0, 0, 0, 1]


def test_pairs_in_different_blocks_are_found():
    vectors = random_units(2600, 32).astype(np.float16)
    vectors[2599], vectors[1500] = vectors[3], vectors[1400]
    artworks = join_artworks([""] * 2600, vectors, 0.995)
    assert artworks[2599] == artworks[3]
    assert artworks[1500] == artworks[1400]
    assert artworks.max() + 1 == 2598


def test_a_model_that_finds_everything_alike_joins_everything():
    same = np.repeat(random_units(1, 32), 2100, axis=0)
    assert join_artworks([""] * 2100, same, 0.9).tolist() == [0] * 2100


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=30), st.integers(0, 100))
def test_artworks_are_the_connected_components(labels, seed):
    rng = np.random.default_rng(seed)
    vectors = random_units(6, 16, seed)[rng.integers(0, 6, len(labels))]
    artworks = join_artworks(labels, vectors, 0.999)

    linked = vectors @ vectors.T > 0.999
    for a, one in enumerate(labels):
        for b, other in enumerate(labels):
            linked[a, b] |= bool(one) and one == other
    reach = linked.astype(np.int64)
    for _ in range(6):
        reach = np.minimum(reach @ reach, 1)
    assert ((artworks[:, None] == artworks[None]) == (reach > 0)).all()
    first_seen = list(dict.fromkeys(artworks.tolist()))
    assert first_seen == sorted(first_seen)
