"""Inverted lists: what is refused, and what happens when the nearest lists are not enough."""

import faiss
import numpy as np
import pytest
from reference_databases import random_units

from cardscanner.errors import ArtifactError, IndexFault
from cardscanner.match.exact import exact_index
from cardscanner.match.ivf_index import lists_for, map_lists, write_lists

STORED = random_units(2000, 64).astype(np.float16)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    place = tmp_path_factory.mktemp("lists") / "index.ivf"
    write_lists(STORED, place, lists_for(len(STORED)), seed=1)
    return place


@pytest.mark.parametrize(
    ("rows", "lists"),
    [(1, 1), (39, 1), (100, 2), (2000, 50), (17_592, 256), (100_000, 512), (1_000_000, 2048)],
)
def test_there_are_about_twice_the_square_root_of_lists_but_none_without_rows_to_train_it(rows, lists):
    assert lists_for(rows) == lists


def test_when_the_nearest_lists_hold_too_few_rows_all_are_looked_into(path):
    index = map_lists(path, STORED, 50, probes=1)
    queries = random_units(5, 64, seed=2)
    rows, cosines = index.nearest(queries, 300)
    true_rows, true_cosines = exact_index(STORED).nearest(queries, 300)
    assert [len(set(each)) for each in rows.tolist()] == [300] * 5
    assert np.mean([len(set(one) & set(other)) for one, other in zip(rows, true_rows, strict=True)]) > 295
    np.testing.assert_allclose(cosines[:, 0], true_cosines[:, 0], atol=1e-5)


def test_more_probes_find_more(path):
    queries = random_units(200, 64, seed=2)
    true_rows, _ = exact_index(STORED).nearest(queries, 1)
    found = [
        float((map_lists(path, STORED, 50, probes).nearest(queries, 1)[0] == true_rows).mean())
        for probes in (1, 8, 50)
    ]
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.99


def test_less_effort_looks_into_fewer_lists_but_into_one_at_least(path):
    index = map_lists(path, STORED, 50, probes=50)
    queries = random_units(200, 64, seed=2)
    lazy, _ = index.nearest(queries, 1, effort=0.001)
    one, _ = index.searching(1).nearest(queries, 1)
    assert lazy.tolist() == one.tolist()


def test_what_another_program_wrote_is_refused(path, tmp_path):
    flat = faiss.IndexFlatIP(64)
    flat.add(STORED.astype(np.float32))
    faiss.write_index(flat, str(tmp_path / "flat"))
    with pytest.raises(ArtifactError, match="IndexFlatIP"):
        map_lists(tmp_path / "flat", STORED, 50, probes=1)


@pytest.mark.parametrize(("stored", "lists"), [(STORED[:1999], 50), (STORED[:, :63], 50), (STORED, 49)])
def test_an_index_of_other_vectors_or_lists_is_refused(path, stored, lists):
    with pytest.raises(ArtifactError, match="2000 vectors of 64 values in 50 lists"):
        map_lists(path, stored, lists, probes=1)


def test_a_file_that_is_no_index_is_an_artifact_error(tmp_path):
    (tmp_path / "text").write_text("no index")
    with pytest.raises(ArtifactError, match="cannot be mapped"):
        map_lists(tmp_path / "text", STORED, 50, probes=1)


def test_a_closed_index_says_so(path):
    index = map_lists(path, STORED, 50, probes=1)
    index.close()
    with pytest.raises(IndexFault, match="closed"):
        index.nearest(random_units(1, 64), 1)
