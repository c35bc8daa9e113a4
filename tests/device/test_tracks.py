"""A track pools the views of one card and knows for how long it was not seen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardscanner.records import Quad, Sighting
from cardscanner.tracks import Track

CORNERS = np.array([[0, 0], [10, 0], [10, 14], [0, 14]], np.float32)


def sighting(vector) -> Sighting:
    unit = np.asarray(vector, np.float32)
    return Sighting(Quad(CORNERS, 0.9), False, unit / np.float32(max(np.linalg.norm(unit), 1e-9)), ())


VECTORS = st.lists(
    st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda each: np.linalg.norm(each) > 0.1),
    min_size=1,
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(VECTORS, st.integers(1, 6))
def test_the_pooled_vector_is_the_unit_mean_of_the_last_views(vectors, window):
    views = [sighting(each) for each in vectors]
    track = Track.begin(views[0], 0, window)
    for number, view in enumerate(views[1:]):
        track.add(view, number)
    last = [each.vector for each in views[-window:]]
    mean = np.mean(last, axis=0)
    assert len(track.vectors) == len(last) <= window
    assert track.frames == len(views)
    assert np.linalg.norm(track.pooled()) == pytest.approx(1.0, abs=1e-5)
    assert track.pooled().dtype == np.float32
    if np.linalg.norm(mean) > 1e-3:
        np.testing.assert_allclose(track.pooled(), mean / np.linalg.norm(mean), atol=1e-4)


def test_one_search_with_the_pooled_vector_ranks_as_the_mean_of_all_searches():
    rng = np.random.default_rng(2)
    references = rng.normal(size=(50, 16))
    views = [sighting(references[7] + rng.normal(size=16)) for _ in range(5)]
    track = Track.begin(views[0], 0, 5)
    for view in views[1:]:
        track.add(view, 1)
    mean_scores = np.mean([references @ view.vector for view in views], axis=0)
    assert np.argsort(-(references @ track.pooled())).tolist() == np.argsort(-mean_scores).tolist()


def test_views_that_cancel_out_leave_the_newest_one():
    """An index refuses vectors without a length; one odd frame must not end the scan thread."""
    track = Track.begin(sighting([1, 0, 0]), 0, 4)
    track.add(sighting([-1, 0, 0]), 1)
    np.testing.assert_array_equal(track.pooled(), [-1, 0, 0])


def test_a_new_view_is_the_newest_one_and_ends_the_absence():
    track = Track.begin(sighting([1, 0]), 100, 4)
    track.miss(0.1)
    newest = sighting([0, 1])
    track.add(newest, 200)
    assert track.sighting is newest
    assert (track.first_ns, track.last_ns, track.absent_s) == (100, 200, 0.0)


def test_a_card_recognised_in_its_place_is_there_without_new_evidence():
    track = Track.begin(sighting([1, 0]), 100, 4)
    track.miss(0.2)
    track.still_there(300)
    assert (track.last_ns, track.absent_s, track.frames, len(track.vectors)) == (300, 0.0, 1, 1)


def test_absence_adds_up_frame_by_frame():
    track = Track.begin(sighting([1, 0]), 0, 4)
    for _ in range(4):
        track.miss(0.1)
    assert track.absent_s == pytest.approx(0.4)


@given(st.floats(0.25, 1e9))
def test_a_long_pause_between_frames_counts_as_a_short_one(step_s):
    """A camera that was lost for an hour says nothing about the card."""
    track = Track.begin(sighting([1, 0]), 0, 4)
    track.miss(step_s)
    assert track.absent_s == 0.25


def test_tracks_do_not_share_their_lists():
    first, second = Track.begin(sighting([1, 0]), 0, 4), Track.begin(sighting([1, 0]), 0, 4)
    first.contradictions.append(sighting([0, 1]))
    assert second.contradictions == []
