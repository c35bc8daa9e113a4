"""Suite ``looks``: the same views judged with and without a second look."""

import pytest

from cardscanner.shipped import shipped_model
from cardscanner_tools.evaluate.looks_suite import CONDITIONS, LOOKS, VECTORS, looks_suite


@pytest.mark.slow
def test_every_condition_is_judged_both_ways_and_clean_views_are_right(tmp_path):
    found = looks_suite(tmp_path / "out", shipped_model(), cards=30, queries=6, seed=3)
    conditions = found.document["conditions"]
    assert list(conditions) == [each.name for each in CONDITIONS]
    for judged in conditions.values():
        assert list(judged) == [VECTORS, LOOKS]
        for figures in judged.values():
            assert (figures["accepted_right"].n, figures["unknown_accepted"].n) == (6, 6)
    assert all(conditions["clean"][name]["accepted_right"].value == 1.0 for name in (VECTORS, LOOKS))
    [(title, heads, rows)] = found.tables
    assert "6 known and unknown cards" in title
    assert len(rows) == 2 * len(CONDITIONS)
    assert all(len(row) == len(heads) for row in rows)
    kept = looks_suite(tmp_path / "out", shipped_model(), cards=30, queries=6, seed=3)
    assert kept.document == found.document
