"""Building with Ray Data makes the database that the plain builder makes, and each goes on for the other."""

from __future__ import annotations

import argparse
import io
import json
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from drawn_cards import write_cards
from thumbnails import thumbnail_model

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import ConfigError, InputError
from cardscanner.manifest import load_database_manifest, load_model_manifest
from cardscanner.match.assemble import Title
from cardscanner.match.build import build_database
from cardscanner.match.progress import Progress

pytest.importorskip("ray", reason="needs Ray: make test-scale installs it")
pytestmark = [pytest.mark.scale, pytest.mark.filterwarnings("default")]

CARDS, PART = 40, 8


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "model"
    thumbnail_model(folder)
    return folder


@pytest.fixture
def cards(tmp_path) -> Path:
    folder = write_cards(tmp_path / "cards", CARDS)
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    return folder


def plain(cards: Path, out: Path, model: Path):
    with closing(load_embedder(OnnxConfig(backend="onnx", model=model, threads=1))) as embedder:
        return build_database(
            cards,
            out,
            embedder,
            load_model_manifest(model),
            title=Title("cards", "1"),
            progress=Progress(io.StringIO()),
            part_cards=PART,
        )


def words(cards: Path, out: Path, model: Path, *more: str) -> list[str]:
    given = [str(cards), "--out", str(out), "--model", str(model), "--threads", "1", "--part", str(PART)]
    return [*given, "--name", "cards", "--version", "1", "--workers", "2", *more]


def by_ray(cards: Path, out: Path, model: Path, *more: str):
    from cardscanner_tools import db_build_ray

    parser = argparse.ArgumentParser()
    db_build_ray.add_arguments(parser)
    return db_build_ray.build(parser.parse_args(words(cards, out, model, *more)))


def same(first: Path, second: Path) -> None:
    for name in ("vectors.npy", "index.ann"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    documents = [load_database_manifest(each).model_dump(mode="json") for each in (first, second)]
    for document in documents:
        for key in ("created", "seal", "search"):  # when, and how fast the machine was
            del document[key]
        del document["files"]["cards.sqlite"]  # holds no clock, but pages of its own
    assert json.dumps(documents[0], sort_keys=True) == json.dumps(documents[1], sort_keys=True)


def test_vectors_index_and_manifest_are_those_of_the_plain_builder(cards, model, tmp_path):
    before = plain(cards, tmp_path / "plain", model)
    report = by_ray(cards, tmp_path / "ray", model)
    assert (
        [each.card_id for each in report.unreadable]
        == [each.card_id for each in before.unreadable]
        == ["torn"]
    )
    assert len(np.load(tmp_path / "ray" / "vectors.npy")) == CARDS
    same(tmp_path / "plain", tmp_path / "ray")


def test_a_build_that_was_killed_is_finished_by_the_plain_builder_and_the_other_way_round(
    cards, model, tmp_path
):
    plain(cards, tmp_path / "plain", model)
    command = [sys.executable, "-m", "cardscanner_tools.cli", "db-build-ray"]
    out = tmp_path / "ray"
    with subprocess.Popen([*command, *words(cards, out, model)], stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 120
        while not list(out.glob(".build/part-*.npz")) and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    left = len(list(out.glob(".build/part-*.npz")))
    assert left >= 1
    assert not (out / "manifest.json").exists()
    (tmp_path / "other").mkdir()
    subprocess.run(["cp", "-r", str(out / ".build"), str(tmp_path / "other")], check=True)
    plain(cards, out, model)
    same(tmp_path / "plain", out)
    by_ray(cards, tmp_path / "other", model)
    same(tmp_path / "plain", tmp_path / "other")


def test_strict_refuses_what_cannot_be_read_as_the_plain_builder_does(cards, model, tmp_path):
    with pytest.raises(InputError, match="torn"):
        by_ray(cards, tmp_path / "ray", model, "--strict")
    assert not (tmp_path / "ray" / "manifest.json").exists()


def test_a_cluster_that_is_not_there_is_named(cards, model, tmp_path):
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1"):
        by_ray(cards, tmp_path / "ray", model, "--address", "127.0.0.1:1")
