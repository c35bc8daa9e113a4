"""8-bit models: another folder, another space, both ends in float, nearly the same answers."""

from __future__ import annotations

import argparse
import json
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import pytest
from little_models import DIM, SIZE, little_folder, little_model

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import ArtifactError
from cardscanner.files import sha256_of
from cardscanner.manifest import load_model_manifest, verified
from cardscanner_tools.export import quantise
from cardscanner_tools.export.int8 import quantised
from cardscanner_tools.export.trial import calibration_crops, cosines


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    quantise.add_arguments(parser)
    return quantise.run(parser.parse_args(words))


def embed(folder: Path, crops: np.ndarray) -> np.ndarray:
    with closing(load_embedder(OnnxConfig(backend="onnx", model=folder, threads=1))) as embedder:
        return embedder.embed(crops)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return little_folder(tmp_path_factory.mktemp("models") / "little" / "0.0.1")


@pytest.fixture(scope="module")
def finished(model: Path) -> Path:
    words = ["--captures", "24", "--cards", "24", "--queries", "12"]
    assert run("--model", str(model), *words) == 0
    return model.with_name("0.0.1-int8")


def test_the_folder_is_a_model_of_its_own_with_its_own_space(model, finished):
    manifest, source = load_model_manifest(finished), load_model_manifest(model)
    assert (manifest.name, manifest.version) == ("little", "0.0.1-int8")
    assert manifest.space != source.space
    assert manifest.space.endswith(sha256_of(finished / "model.onnx")[:8])
    for name in manifest.files:
        verified(finished, manifest.files, name)
    assert source.space in manifest.notes


def test_it_runs_unchanged_in_the_scanner_and_answers_nearly_like_the_float_model(model, finished):
    crops = calibration_crops(77, 16, SIZE)
    alike = cosines(embed(model, crops), embed(finished, crops))
    assert alike.min() > 0.99
    assert alike.max() < 1 - 1e-7
    assert embed(finished, crops).shape == (16, DIM)


def test_both_ends_stay_in_float_and_all_that_is_between_is_8_bits(finished):
    graph = onnx.load(str(finished / "model.onnx")).graph
    constants = {each.name for each in graph.initializer}
    kinds = [node.op_type for node in graph.node if not set(node.input) <= constants]
    assert kinds[:5] == ["Transpose", "Cast", "Sub", "Div", "QuantizeLinear"]
    last = len(kinds) - 1 - kinds[::-1].index("DequantizeLinear")
    assert set(kinds[last + 1 :]) <= {"ReduceL2", "Clip", "Shape", "Expand", "Div"}
    weights = [
        each for each in graph.initializer if each.data_type == onnx.TensorProto.INT8 and len(each.dims) >= 2
    ]
    assert len(weights) == 3


def test_the_report_says_what_was_lost_and_how_it_was_measured(finished, capsys):
    report = json.loads((finished / "quantisation.json").read_text())
    assert report["calibration"] == {"captures": 24, "seed": 5101}
    assert report["trial"] == {"cards": 24, "queries": 12, "seed": 5202}
    loss = report["loss"]
    assert 0.9 < loss["cosine_p1"] <= loss["cosine_p5"] <= loss["cosine_mean"] < 1
    assert loss["points_lost"] == pytest.approx(100 * (loss["top1_fp32"] - loss["top1_int8"]), abs=1e-3)
    assert loss["ms_fp32"] > 0


def test_the_table_shows_every_figure(model, tmp_path, capsys):
    words = [
        "--captures",
        "8",
        "--cards",
        "8",
        "--queries",
        "4",
        "--signed",
        "--out",
        str(tmp_path / "other"),
    ]
    assert run("--model", str(model), *words) == 0
    said = capsys.readouterr().out
    for part in (
        "cosine int8 to fp32, 4 captures",
        "gallery fp32, capture int8",
        "ratio",
        "of the float model",
    ):
        assert part in said
    assert "S8S8" in load_model_manifest(tmp_path / "other").notes


def test_the_same_captures_give_the_same_file(tmp_path):
    crops = calibration_crops(1, 8, SIZE)
    for name in ("one.onnx", "two.onnx"):
        quantised(little_model(), crops, tmp_path / name)
    assert sha256_of(tmp_path / "one.onnx") == sha256_of(tmp_path / "two.onnx")


def test_captures_decide_the_ranges_so_bad_ones_cost_accuracy(tmp_path):
    crops = calibration_crops(1, 16, SIZE)
    alike = {}
    for name, captures in {"good": crops, "dark": (crops // 16)}.items():
        folder = little_folder(tmp_path / name)
        quantised(little_model(), captures, folder / "model.onnx")
        little_folder(folder, onnx.load(str(folder / "model.onnx")))
        alike[name] = cosines(embed(folder, crops), embed(little_folder(tmp_path / "float"), crops)).mean()
    assert alike["good"] > 0.99
    assert alike["dark"] < alike["good"] - 0.01


def test_a_network_without_our_ends_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="unit length"):
        quantised(little_model(ending="none"), calibration_crops(1, 2, SIZE), tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()
