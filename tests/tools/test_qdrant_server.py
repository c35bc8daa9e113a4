"""A real Qdrant server, when there is one: `make test-scale QDRANT_URL=http://127.0.0.1:6333`.

Everything that the double behind the other tests cannot show: HNSW, int8 codes, the server's own optimiser, and
that its REST interface is what the client takes it for.
"""

from __future__ import annotations

import io
import os
from contextlib import closing

import numpy as np
import pytest
from qdrant_client import QdrantClient
from reference_databases import database_of

from cardscanner.config import IndexConfig, QdrantConfig
from cardscanner.match import load_index, open_database
from cardscanner.match.exact import exact_index
from cardscanner.match.progress import Progress
from cardscanner.match.push import push_database
from cardscanner.match.selftest import HARD, displaced, recall_of
from cardscanner_tools.index_vectors import clustered_vectors

URL = os.environ.get("QDRANT_URL", "")
pytestmark = [
    pytest.mark.scale,
    pytest.mark.skipif(not URL, reason="needs a Qdrant server: set QDRANT_URL to its address"),
]
COLLECTION = "cardscanner-test"


def test_a_real_server_finds_what_an_exact_search_finds(tmp_path):
    vectors = clustered_vectors(30_000, 256, seed=8)
    folder = database_of(tmp_path / "db", vectors, index="int8")
    place = QdrantConfig(url=URL, collection=COLLECTION, timeout_s=60)
    client = QdrantClient(url=URL)
    if client.collection_exists(COLLECTION):
        client.delete_collection(COLLECTION)
    try:
        assert push_database(folder, place, Progress(io.StringIO())).sent == len(vectors)
        client.delete(COLLECTION, [1, 2, 29_999])
        assert push_database(folder, place, Progress(io.StringIO())).sent == 3
        config = IndexConfig(backend="qdrant", database=folder, qdrant=place)
        with closing(open_database(folder)) as database, closing(load_index(config, database)) as index:
            queries = displaced(database.vectors, np.arange(0, 30_000, 100), HARD, np.random.default_rng(3))
            _, truth = exact_index(database.vectors).nearest(queries, 11)
            recall_1, recall_11 = recall_of(index, database.vectors, queries, truth)
        assert recall_1 >= 0.99
        assert recall_11 >= 0.99
        assert client.get_collection(COLLECTION).indexed_vectors_count
    finally:
        client.delete_collection(COLLECTION)
        client.close()
