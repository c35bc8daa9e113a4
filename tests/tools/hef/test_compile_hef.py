"""The command from end to end, and what the box makes of the folder."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hailo_platform.world import fresh_world
from little_models import MEAN, SIZE, STD, little_folder

from cardscanner.config import HailoConfig, OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import CardscannerError, InputError
from cardscanner.files import sha256_of
from cardscanner.manifest import load_model_manifest, verified
from cardscanner_tools.export.trial import calibration_crops, cosines
from cardscanner_tools.hef import command
from cardscanner_tools.hef.compiler import find_compiler


def run(model: Path, work: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    small = ["--cards", "24", "--queries", "12", "--work", str(work)]
    return command.run(parser.parse_args(["--model", str(model), *small, *words]))


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("models")
    model = little_folder(root / "little" / "0.0.1")
    assert run(model, root / "work", "--hailort", "4.23.0") == 0
    return model


def test_the_folder_gains_the_hef_its_hars_its_script_and_its_record(finished):
    manifest = load_model_manifest(finished)
    assert set(manifest.files) == {
        "model.onnx", "model.hef", "model.parsed.har", "model.quantised.har", "model.alls", "hef.json",
    }  # fmt: skip
    for name in manifest.files:
        verified(finished, manifest.files, name)
    assert (manifest.hailo_arch, manifest.space) == ("hailo8l", "little-0.0.1")


def test_the_record_says_how_it_was_made_and_what_the_gates_measured(finished):
    record = json.loads((finished / "hef.json").read_text())
    assert (record["dataflow_compiler"], record["hailort"], record["hailort_of_the_boxes"]) == (
        "3.33.1",
        "4.23",
        "4.23.0",
    )
    assert record["script_sha256"] == sha256_of(finished / "model.alls")
    assert record["normalisation"]["mean"] == pytest.approx(MEAN, rel=1e-4)
    assert record["normalisation"]["std"] == pytest.approx(STD, rel=1e-4)
    assert record["calibration_and_trial"]["captures"] == 1024
    assert record["calibration_and_trial"]["seed"] == 5101
    assert [each["stage"] for each in record["gates"]] == ["SDK_NATIVE", "SDK_FP_OPTIMIZED", "SDK_QUANTIZED"]
    assert all(each["cosine_p1"] > 0.95 for each in record["gates"])
    assert record["output_layer"] == "card_embedder/fc1"


def test_the_box_loads_the_hef_and_answers_like_the_float_model(finished):
    crops = calibration_crops(99, 6, SIZE)
    with closing(load_embedder(OnnxConfig(backend="onnx", model=finished, threads=1))) as embedder:
        wanted = embedder.embed(crops)
    with fresh_world() as world:
        world.version = "4.23.0"
        with closing(
            load_embedder(HailoConfig(backend="hailo", model=finished, timeout_ms=5000))
        ) as embedder:
            given = embedder.embed(crops)
    assert np.allclose(np.linalg.norm(given, axis=1), 1, atol=1e-5)
    assert cosines(wanted, given).min() > 0.98


def test_a_runtime_older_than_the_compiler_is_refused_before_anything_is_done(finished, tmp_path):
    with pytest.raises(InputError, match="status 92"):
        run(finished, tmp_path / "work", "--hailort", "4.20.0")
    assert not (tmp_path / "work").exists()


def test_too_few_captures_are_refused(finished, tmp_path):
    with pytest.raises(InputError, match=r"--captures 100: .* at least 1024"):
        run(finished, tmp_path / "work", "--captures", "100")


def test_without_the_compiler_the_message_says_where_to_get_it(finished, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "hailo_sdk_client", None)
    with pytest.raises(CardscannerError) as failed:
        run(finished, tmp_path / "work")
    for part in (
        "x86-64 Linux only",
        "hailo.ai/developer-zone",
        "hailo_dataflow_compiler-<version>",
        "docs/hailo.md",
    ):
        assert part in str(failed.value)


def test_the_installed_compiler_is_found_with_its_version():
    assert find_compiler().version == "3.33.1"


def test_help_shows_an_example_and_the_scripts():
    parser = argparse.ArgumentParser(
        description=command.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    command.add_arguments(parser)
    said = parser.format_help()
    assert "cardscanner-tools compile-hef --model models/cardnet/0.2.0" in said
    assert "cardnet, convnext_tiny, regnetx" in said
