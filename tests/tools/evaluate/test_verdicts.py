"""Verdicts from given figures: met, not met, not measured, and sure of it or not."""

import json

import pytest

from cardscanner_tools.evaluate.acceptance import acceptance
from cardscanner_tools.evaluate.conditions import CLEAN_VIEW, HARDEST, OCCLUDED, USUAL_VIEW
from cardscanner_tools.evaluate.photo_rows import FIGURES_TO_BEAT
from cardscanner_tools.evaluate.verdicts import Limit, Row, find, judged, table_text, written


def figure(value, low=None, high=None, n=500):
    return {
        "value": value,
        "low": value if low is None else low,
        "high": value if high is None else high,
        "n": n,
    }


@pytest.mark.parametrize(
    ("given", "verdict", "sure"),
    [
        (figure(0.97, 0.96, 0.98), "met", True),
        (figure(0.97, 0.94, 0.98), "met", False),
        (figure(0.95), "met", True),
        (figure(0.93, 0.92, 0.96), "not met", False),
        (figure(0.93, 0.92, 0.94), "not met", True),
        (0.97, "met", None),
        (0.9, "not met", None),
        (None, "not measured here", None),
    ],
)
def test_a_verdict_is_of_the_figure_and_its_certainty_of_the_interval(given, verdict, sure):
    row = judged("top-1", given, Limit(">=", 0.95))
    assert (row.verdict, row.sure) == (verdict, sure)


@pytest.mark.parametrize(
    ("sign", "at", "above", "below"),
    [
        (">=", True, True, False),
        ("<=", True, False, True),
        (">", False, True, False),
        ("<", False, False, True),
    ],
)
def test_a_limit_knows_on_which_side_it_holds(sign, at, above, below):
    limit = Limit(sign, 0.5)
    assert [limit.holds(value) for value in (0.5, 0.6, 0.4)] == [at, above, below]


def test_an_aim_is_told_beside_the_target():
    row = judged("x", figure(0.9), Limit(">=", 0.85), aim=Limit(">=", 0.97))
    assert row.target == ">= 85 % (aim >= 97 %)"
    assert row.note == "aim not reached"
    assert row.verdict == "met"


def test_without_any_measurement_every_row_says_so_and_none_is_left_out():
    rows = acceptance({})
    assert {row.verdict for row in rows} == {"not measured here"}
    names = [row.criterion for row in rows]
    assert len(names) == len(set(names))
    wanted = ["clean: top-1", "clean: top-5", "clean: distance, median", "clean: distance, p95",
              "20 % occluded: top-3", "glare: top-5", "same card", "different cards", "student against teacher",
              "int8 against fp32", "not a card", "cards added after training", "ONNX file", "latency",
              "goods", "playing cards", "another game", "exact print"]  # fmt: skip
    for words in wanted:
        assert any(words in name for name in names), words
    for outline in ("end to end", "labelled outlines"):
        assert sum(name.startswith(f"photos, {outline}:") for name in names) == len(FIGURES_TO_BEAT) + 1


def verdict_of(rows, words):
    (found,) = [row for row in rows if words in row.criterion]
    return found.verdict


def test_rows_follow_the_figures_of_the_document():
    document = {
        "catalogue": {
            "conditions": {
                CLEAN_VIEW.name: {"model": {"art_top1": figure(0.96), "distance_median": figure(0.1),
                                            "distance_p95": figure(0.25)}},
                OCCLUDED.name: {"model": {"art_top3": figure(0.8)}},
                USUAL_VIEW.name: {"model": {"same_p5": figure(0.7), "hardest_other_p95": figure(0.6)}},
                HARDEST.name: {"model": {"art_top1": figure(0.5)}, "pHash 256": {"art_top1": figure(0.6)},
                               "int8": {"art_top1": figure(0.9)}},
            },
            "int8_loss": {"int8": {"all": figure(0.004)}},
        },
        "latency": {"onnx_mb": 41.0, "ratio": figure(1.05)},
    }  # fmt: skip
    rows = acceptance(document)
    assert verdict_of(rows, "clean: top-1") == "met"
    assert verdict_of(rows, "clean: distance, median") == "met"
    assert verdict_of(rows, "clean: distance, p95") == "not met"
    assert verdict_of(rows, "20 % occluded: top-3") == "not met"
    assert verdict_of(rows, "same-card p5 less hardest-other p95") == "met"
    assert verdict_of(rows, "nearest other artwork, p95") == "not met"
    assert verdict_of(rows, "top-1 against the baselines") == "not met"  # int8 is no baseline, pHash is
    assert verdict_of(rows, "rendered, int8 gallery: loss") == "met"
    assert verdict_of(rows, "rendered, fp32 gallery: loss") == "not measured here"
    assert verdict_of(rows, "ONNX file") == "not met"
    assert verdict_of(rows, "latency") == "met"


def test_a_false_accept_among_goods_fails_and_none_passes():
    pictures = {
        "object": {"with_false_accept": figure(0.0)},
        "playing_card": {"with_false_accept": figure(1 / 60)},
    }
    rows = acceptance({"noncards": {"pictures": pictures}})
    assert verdict_of(rows, "goods") == "met"
    assert verdict_of(rows, "pictures of playing cards") == "not met"


def test_photos_are_judged_against_the_best_untrained_method_with_the_best_baseline_here_beside_it():
    by = {"model": {"art_top1": figure(0.98)}, "pHash 256": {"art_top1": figure(0.7)}}
    document = {"photos": {"outlines": {"end to end": {"all": {"as is": by}}}}}
    (row,) = [row for row in acceptance(document) if row.criterion == "photos, end to end: artwork top-1"]
    assert row.verdict == "met"
    assert "pHash 256, 0.700" in row.note
    assert "aim not reached" in row.note


def test_the_printed_table_has_a_line_for_each_row_and_marks_what_is_within_error():
    rows = [judged("a", figure(0.96, 0.9, 0.99), Limit(">=", 0.95)), judged("b", None, Limit("<", 0.2))]
    lines = table_text(rows).splitlines()
    assert len(lines) == 3
    assert "met (within error)" in lines[1]
    assert "not measured here" in lines[2]


def test_a_row_is_json_with_stable_keys():
    row = Row("a", ">= 1", "1", "met", None)
    assert set(json.loads(json.dumps(row.document()))) == {
        "criterion",
        "target",
        "figure",
        "verdict",
        "sure",
        "note",
    }


def test_a_path_that_ends_early_finds_nothing():
    assert find({"a": {"b": 1}}, "a", "b") == 1
    assert find({"a": {"b": 1}}, "a", "b", "c") is None
    assert find({}, "a") is None


def test_values_are_written_without_idle_digits():
    assert [written(v, percent=True) for v in (0.95, 0.001, 1.0)] == ["95 %", "0.1 %", "100 %"]
    assert written(0.2, percent=False) == "0.2"
