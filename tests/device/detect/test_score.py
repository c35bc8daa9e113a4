"""From features to numbers."""

import json
from importlib.resources import files

import numpy as np
import pytest
from drawn_tables import lay_cards, plain_table

from cardscanner.detect.evidence import evidence
from cardscanner.detect.pyramid import Pyramid
from cardscanner.detect.score import CARD, PRUNING, Linear, as_linear, as_network
from cardscanner_tools.scene.stage import Pose


def test_log_odds_are_the_weighted_sum_of_the_named_features():
    model = Linear(-1.0, {"a": 2.0, "b": -3.0})
    answer = model(
        {"a": np.array([1.0, 0.5], np.float32), "b": np.array([0.0, 1.0], np.float32), "c": np.zeros(2)}
    )
    np.testing.assert_allclose(answer, [1.0, -3.0])


def test_what_cannot_be_measured_counts_as_hopeless():
    assert Linear(0.0, {"a": 1.0})({"a": np.array([np.nan], np.float32)})[0] == -30


def test_a_network_standardises_clips_and_ends_between_0_and_1():
    network = as_network(
        {"names": ["a"], "mean": [10.0], "scale": [2.0], "layers": [[[[1.0]], [0.0]], [[[1.0]], [-1.0]]]}
    )
    values = np.array([10.0, 14.0, 1e9, -1e9, np.nan], np.float32)
    expected = 1 / (1 + np.exp(-(np.array([0.0, 2.0, 6.0, 0.0, 0.0]) - 1)))
    np.testing.assert_allclose(network({"a": values}), expected, rtol=1e-5)


def test_the_bias_is_no_feature():
    model = as_linear({"bias": 0.5, "a": 2.0})
    assert (model.bias, model.weights) == (0.5, {"a": 2.0})


def test_the_shipped_weights_name_only_features_that_exist():
    view = plain_table(100)
    (truth,) = lay_cards(view, Pose(640, 360, 400, 0.2))
    features, _ = evidence(Pyramid(view), truth[None])
    assert set(CARD.names) == set(features)
    assert CARD(features)[0] > 0.8
    assert set(PRUNING.outline.weights) < set(PRUNING.glance.weights)


def test_the_shipped_score_falls_when_an_outline_leaves_the_edge_of_the_card():
    view = plain_table(100)
    (truth,) = lay_cards(view, Pose(640, 360, 400, 0.2))
    centre = truth.mean(axis=0)
    grown = np.stack([(truth - centre) * factor + centre for factor in (1.0, 1.06, 0.9, 1.5)]).astype(
        np.float32
    )
    score = CARD(evidence(Pyramid(view), grown)[0])
    assert score[0] == max(score)
    assert score[0] - score[1:].max() > 0.1


@pytest.mark.parametrize("part", ["outline", "glance", "card"])
def test_the_weights_file_has_the_parts_that_the_fit_writes(part):
    stored = json.loads(files("cardscanner.detect").joinpath("weights.json").read_text(encoding="utf-8"))
    assert part in stored
