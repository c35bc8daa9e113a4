"""The accept rule keeps its word on captures and cards that it was not calibrated with."""

from __future__ import annotations

import io

import numpy as np
import pytest
from drawn_cards import write_card
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from projecting import ProjectingEmbedder

from cardscanner.accept import judge
from cardscanner.match.calibrate import (
    DEFAULT_PRINT_GAP,
    SMALL_GALLERY_FLOOR,
    calibrate,
    measure_artwork_limit,
)
from cardscanner.match.captures import CAPTURE
from cardscanner.match.embedding import embed_crops, reference_crop
from cardscanner.match.exact import exact_index
from cardscanner.match.gallery import Gallery, capture_cards, capture_not_cards
from cardscanner.match.margins import NOBODY, scores_of
from cardscanner.match.progress import Progress
from cardscanner.match.thresholds import smallest_gap, smallest_threshold
from cardscanner.records import Card, Neighbour

SILENT = Progress(io.StringIO())
EMBEDDER = ProjectingEmbedder(128)


def _gallery(folder, numbers, prints=1) -> Gallery:
    folder.mkdir()
    paths = [
        write_card(folder / f"{number}-{each}.png", number, each)
        for number in numbers
        for each in range(prints)
    ]
    vectors = embed_crops([reference_crop(path, EMBEDDER.info) for path in paths], EMBEDDER)
    stored = vectors.astype(np.float16)
    return Gallery(paths, stored, exact_index(stored))


@pytest.fixture(scope="module")
def known(tmp_path_factory) -> Gallery:
    return _gallery(tmp_path_factory.mktemp("known") / "cards", range(120))


@pytest.fixture(scope="module")
def rule(known):
    return calibrate(known, np.arange(120), EMBEDDER, seed=1, progress=SILENT)


def _accepted(rule, gallery, captured) -> np.ndarray:
    scores = scores_of(gallery.exact, np.arange(len(gallery.stored)), captured.both_ways, rule)
    return scores.margins >= rule.threshold


def test_false_accepts_of_cards_never_seen_stay_near_the_target(rule, known, tmp_path):
    strangers = _gallery(tmp_path / "strangers", range(1000, 1300))
    captured = capture_cards(strangers, np.repeat(np.arange(300), 3), CAPTURE, EMBEDDER, 77, lambda: None)
    assert _accepted(rule, known, captured).mean() <= 0.02
    assert rule.calibration["unknown_accepted"] <= 0.01


def test_false_accepts_of_fresh_pictures_without_cards_stay_near_the_target(rule, known):
    assert _accepted(rule, known, capture_not_cards(700, EMBEDDER, 78)).mean() <= 0.02
    assert rule.calibration["not_cards_accepted"] <= 0.005


def test_known_cards_are_accepted_on_fresh_seeds_as_often_as_the_manifest_says(rule, known):
    cards = np.arange(120)
    captured = capture_cards(known, cards, CAPTURE, EMBEDDER, 79, lambda: None)
    scores = scores_of(known.exact, np.arange(120), captured.both_ways, rule)
    right = (scores.margins >= rule.threshold) & (scores.artworks == cards)
    assert right.mean() == pytest.approx(rule.calibration["accepted"], abs=0.1)
    assert right.mean() > 0.7


def test_the_same_seed_gives_the_same_rule(known):
    small = Gallery(known.pictures[:35], known.stored[:35], exact_index(known.stored[:35]))
    once, again = (calibrate(small, np.arange(35), EMBEDDER, seed=3, progress=SILENT) for _ in range(2))
    assert once == again


def test_everything_that_was_found_is_in_the_rule(rule):
    expected = {
        "target_false_accepts",
        "seed",
        "cards",
        "captures",
        "accepted",
        "accepted_wrong",
        "strengths",
    }
    expected |= {
        f"{kind}_{what}"
        for kind in ("unknown", "upside_down", "not_cards")
        for what in ("captures", "accepted")
    }
    assert expected <= rule.calibration.keys()
    assert rule.calibration["captures"] == 840


def test_margins_are_those_of_the_accept_rule_itself(rule, known):
    captured = capture_cards(known, np.arange(20), CAPTURE, EMBEDDER, 80, lambda: None)
    scores = scores_of(known.exact, np.arange(120), (captured.upright,), rule)
    rows, cosines = known.exact.nearest(captured.upright, 11)
    for number in range(20):
        neighbours = [
            Neighbour(int(row), float(near)) for row, near in zip(rows[number], cosines[number], strict=True)
        ]
        verdict = judge(neighbours, lambda row: Card(str(row), "", row), rule)
        assert verdict.margin == pytest.approx(scores.margins[number])
        assert (verdict.decision == "match") == (scores.margins[number] >= rule.threshold)


def test_a_hidden_artwork_is_gone_with_all_its_prints(rule, known):
    captured = capture_cards(known, np.arange(10), CAPTURE, EMBEDDER, 81, lambda: None)
    pairs = np.arange(120) // 2
    scores = scores_of(known.exact, pairs, captured.both_ways, rule, hidden=pairs[:10])
    assert not (scores.artworks == pairs[:10]).any()


def test_hiding_the_only_artwork_leaves_nobody(rule, known):
    captured = capture_cards(known, np.arange(2), CAPTURE, EMBEDDER, 82, lambda: None)
    scores = scores_of(
        known.exact,
        np.zeros(120, dtype=np.int64),
        captured.both_ways,
        rule,
        hidden=np.zeros(2, dtype=np.int64),
    )
    assert scores.artworks.tolist() == [NOBODY, NOBODY]
    assert (scores.margins < 0).all()


@pytest.mark.parametrize("cards", [1, 2, 12])
def test_small_galleries_never_get_less_than_the_floor(known, cards):
    small = Gallery(known.pictures[:cards], known.stored[:cards], exact_index(known.stored[:cards]))
    rule = calibrate(small, np.arange(cards), EMBEDDER, seed=1, progress=SILENT)
    assert rule.threshold >= SMALL_GALLERY_FLOOR


def test_without_shared_artworks_the_print_gap_is_the_default(rule):
    assert rule.print_gap == DEFAULT_PRINT_GAP
    assert rule.calibration["print_captures"] == 0


def test_prints_that_differ_in_a_few_pixels_get_a_gap_that_keeps_wrong_prints_rare(tmp_path):
    gallery = _gallery(tmp_path / "prints", range(40), prints=2)
    artworks = np.arange(80) // 2
    rule = calibrate(gallery, artworks, EMBEDDER, seed=1, progress=SILENT)
    assert rule.calibration["print_captures"] > 100
    assert rule.calibration["print_wrong"] <= 0.01

    captured = capture_cards(gallery, np.arange(80), CAPTURE, EMBEDDER, 83, lambda: None)
    rows, cosines = gallery.exact.nearest(captured.upright, 2)
    answered = (artworks[rows[:, 0]] == artworks[np.arange(80)]) & (
        cosines[:, 0] - cosines[:, 1] >= rule.print_gap
    )
    assert (answered & (rows[:, 0] != np.arange(80))).mean() <= 0.05


def test_a_reprint_that_nobody_labelled_is_joined_by_the_measured_limit(tmp_path):
    gallery = _gallery(tmp_path / "prints", range(30), prints=2)
    limit = measure_artwork_limit(gallery, EMBEDDER, 1, SILENT)
    cosines = gallery.stored.astype(np.float32) @ gallery.stored.astype(np.float32).T
    twins = np.array([cosines[card, card + 1] for card in range(0, 60, 2)])
    others = cosines - np.eye(60)
    others[np.arange(60), np.arange(60) ^ 1] = 0
    assert (twins > limit).mean() > 0.9
    assert (others < limit).all()


_SCORES = arrays(
    np.float64, st.integers(1, 300), elements=st.floats(-1, 1).map(lambda value: round(value, 2))
)


@given(_SCORES, st.sampled_from([0.0, 0.005, 0.1]))
def test_the_threshold_is_the_smallest_that_keeps_the_share(scores, share):
    threshold = smallest_threshold(scores, share)
    assert (scores >= threshold).mean() <= share
    assert (scores >= np.nextafter(threshold, -np.inf)).mean() > share


def test_without_impostors_nothing_is_asked_of_the_margin():
    assert smallest_threshold(np.empty(0), 0.005) == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=200))
def test_from_the_gap_on_wrong_prints_are_rare(evidence):
    leads, right = np.array([lead for lead, _ in evidence]), np.array([good for _, good in evidence])
    gap = smallest_gap(leads, right, 0.01)
    answered = leads >= gap
    assert (answered & ~right).sum() <= 0.01 * max(1, answered.sum())


def test_equal_leads_stay_together_when_the_gap_is_chosen():
    leads = np.array([0.5, 0.3, 0.3, 0.1])
    right = np.array([True, True, False, True])
    gap = smallest_gap(leads, right, 0.01)
    assert ((leads >= gap) & ~right).sum() == 0
