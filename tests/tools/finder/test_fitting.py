"""Fitting the scores: on made-up records the answer is known; the whole road runs on a few scenes."""

import json

import numpy as np
import pytest

from cardscanner.detect.score import CARD, PRUNING, as_linear, as_network
from cardscanner_tools.cli import main
from cardscanner_tools.finder.fitting import fit_linear, fit_network
from cardscanner_tools.finder.records import Record


def record(rng, count=400, slope=4.0):
    features = rng.normal(size=(count, 3)).astype(np.float32) * [1, 10, 0.1] + [0, 50, 0]
    odds = slope * features[:, 0] - 0.2 * (features[:, 1] - 50)
    right = rng.random(count) < 1 / (1 + np.exp(-odds))
    overlap = np.where(right, 0.95, 0.2).astype(np.float32)
    return Record(("a", "b", "c"), features.astype(np.float32), overlap, 1, 1.0)


def test_the_logistic_model_finds_the_weights_that_made_the_records():
    rng = np.random.default_rng(0)
    stored = fit_linear([record(rng) for _ in range(30)], ("a", "b"))
    assert stored["a"] == pytest.approx(4.0, rel=0.1)
    assert stored["b"] == pytest.approx(-0.2, rel=0.1)
    assert set(stored) == {"bias", "a", "b"}


def test_records_without_a_right_proposal_still_count_as_wrong_ones():
    rng = np.random.default_rng(1)
    wrong = record(rng)
    hopeless = Record(wrong.names, wrong.features, np.zeros_like(wrong.overlap), 0, 1.0)
    model = as_linear(fit_linear([record(rng), hopeless], ("a",)))
    alone = as_linear(fit_linear([record(rng)], ("a",)))
    assert model.bias < alone.bias


def test_the_network_learns_what_no_line_can_tell():
    rng = np.random.default_rng(2)
    features = rng.uniform(-1, 1, (3000, 2)).astype(np.float32)
    overlap = np.where(features[:, 0] * features[:, 1] > 0, 1.0, 0.0).astype(np.float32)
    stored, entropy = fit_network([Record(("a", "b"), features, overlap, 1, 1.0)], seed=3, steps=1500)
    assert entropy < 0.15
    network = as_network(json.loads(json.dumps(stored)))
    score = network({"a": np.array([0.7, 0.7], np.float32), "b": np.array([0.7, -0.7], np.float32)})
    assert score[0] > 0.9
    assert score[1] < 0.1


def test_the_same_seed_fits_the_same_network():
    some = [record(np.random.default_rng(4))]
    assert fit_network(some, 5, 50) == fit_network(some, 5, 50)
    assert fit_network(some, 5, 50)[0] != fit_network(some, 6, 50)[0]


def test_the_command_draws_records_fits_and_writes_weights_that_the_finder_reads(tmp_path, capsys):
    out = tmp_path / "deep" / "weights.json"
    assert (
        main(
            [
                "fit-finder",
                "--scenes",
                "4",
                "--steps",
                "30",
                "--workers",
                "1",
                "--seed",
                "3",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    stored = json.loads(out.read_text())
    assert set(as_network(stored["card"]).names) == set(CARD.names)
    assert set(as_linear(stored["outline"]).weights) == set(PRUNING.outline.weights)
    assert set(as_linear(stored["glance"]).weights) == set(PRUNING.glance.weights)
    assert "fitted to 4 pictures" in capsys.readouterr().out
    assert [path.name for path in out.parent.iterdir()] == ["weights.json"]


def test_photographs_need_a_data_folder(tmp_path, capsys):
    assert main(["fit-finder", "--photos", "--out", str(tmp_path / "weights.json")]) == 1
    assert "--data" in capsys.readouterr().err
