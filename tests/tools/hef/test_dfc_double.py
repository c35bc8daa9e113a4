"""The double of the Dataflow Compiler is as strict as the real one is said to be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hailo_sdk_client import (
    AllocatorScriptParserException,
    ClientRunner,
    InferenceContext,
    InvalidArgumentsException,
    InvalidStateException,
    ParsingWithRecommendationException,
    UnsupportedModelError,
)
from little_models import DIM, SIZE, little_folder, little_model

from cardscanner_tools.export.trial import cosines
from cardscanner_tools.hef.source import Source, write_source

SCRIPT = "normalization1 = normalization([120, 110, 100], [60, 62, 64])\n"
SHAPES = {"planes": [1, 3, SIZE, SIZE]}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Source:
    folder = little_folder(tmp_path_factory.mktemp("little"))
    return write_source(folder / "model.onnx", folder / "hef-source.onnx", SIZE)


def parsed(path: Path, **changed) -> ClientRunner:
    runner = ClientRunner(hw_arch="hailo8l")
    given = {"start_node_names": ["conv1"], "end_node_names": ["gemm"], "net_input_shapes": SHAPES} | changed
    runner.translate_onnx_model(str(path), "net", **given)
    return runner


def pixels(count: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.float32)


def emulated(runner: ClientRunner, context: InferenceContext, data: np.ndarray) -> np.ndarray:
    with runner.infer_context(context) as entered:
        return runner.infer(entered, data)


def test_a_chip_of_another_generation_is_refused():
    with pytest.raises(InvalidArgumentsException, match="hailo15h"):
        ClientRunner(hw_arch="hailo15h")


def test_nothing_works_before_a_graph_is_parsed(tmp_path):
    runner = ClientRunner(hw_arch="hailo8l")
    for call in (
        runner.get_hn_dict,
        runner.compile,
        runner.optimize_full_precision,
        lambda: runner.optimize(pixels()),
    ):
        with pytest.raises(InvalidStateException, match="UNINITIALIZED"):
            call()
    with pytest.raises(InvalidStateException):
        runner.save_har(str(tmp_path / "x.har"))


def test_calls_out_of_order_are_refused(source):
    runner = parsed(source.path)
    with pytest.raises(
        InvalidStateException, match=r"compile: .* HAILO_MODEL, and must be in QUANTIZED_MODEL"
    ):
        runner.compile()
    with pytest.raises(InvalidStateException):
        emulated(runner, InferenceContext.SDK_FP_OPTIMIZED, pixels())
    runner.optimize_full_precision()
    with pytest.raises(InvalidStateException, match="load_model_script"):
        runner.load_model_script(SCRIPT)
    with pytest.raises(InvalidStateException):
        emulated(runner, InferenceContext.SDK_QUANTIZED, pixels())


def test_a_free_batch_is_refused(tmp_path):
    onnx.save(little_model(), tmp_path / "model.onnx")
    with pytest.raises(UnsupportedModelError, match="Dynamic"):
        parsed(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "changed", [{"net_input_shapes": {"planes": [1, SIZE, SIZE, 3]}}, {"end_node_names": ["fc"]}]
)
def test_shapes_and_nodes_that_the_graph_has_not_are_refused(source, changed):
    with pytest.raises(InvalidArgumentsException):
        parsed(source.path, **changed)


def test_an_operator_that_the_chip_lacks_names_where_to_end_instead(tmp_path):
    folder = little_folder(tmp_path / "little", little_model(odd="Erf"))
    odd = write_source(folder / "model.onnx", tmp_path / "hef-source.onnx", SIZE)
    with pytest.raises(
        ParsingWithRecommendationException, match=r"Erf operation odd_one .* end node names: strong"
    ):
        parsed(odd.path)


def test_layers_are_renamed_and_remember_their_nodes(source):
    layers = parsed(source.path).get_hn_dict()["layers"]
    assert list(layers) == ["net/input_layer1", "net/conv1", "net/conv2", "net/fc1", "net/output_layer1"]
    assert layers["net/conv2"]["original_names"] == ["conv2", "relu2", "flatten"]
    assert layers["net/fc1"]["original_names"] == ["gemm"]


@pytest.mark.parametrize(
    "line", ["normalisation([1,1,1],[1,1,1])", "# a comment", "input_conversion(nv12_to_rgb)"]
)
def test_a_script_with_anything_else_is_refused(source, line):
    with pytest.raises(AllocatorScriptParserException):
        parsed(source.path).load_model_script(f"{line}\n")


def test_a_script_is_taken_from_a_path_and_can_be_added_to(source, tmp_path):
    (tmp_path / "a.alls").write_text(SCRIPT)
    runner = parsed(source.path)
    runner.load_model_script(str(tmp_path / "a.alls"))
    runner.load_model_script("input_conversion(bgr_to_rgb)\n", append=True)
    runner.optimize_full_precision()
    swapped = parsed(source.path)
    swapped.load_model_script(SCRIPT)
    swapped.optimize_full_precision()
    assert np.allclose(
        emulated(runner, InferenceContext.SDK_FP_OPTIMIZED, pixels()),
        emulated(swapped, InferenceContext.SDK_FP_OPTIMIZED, pixels()[..., ::-1]),
    )


@pytest.mark.parametrize("data", [np.zeros((4, 3, SIZE, SIZE), np.float32), np.zeros((4, SIZE, SIZE, 3))])
def test_calibration_must_be_nhwc_and_float32_or_uint8(source, data):
    runner = parsed(source.path)
    with pytest.raises(InvalidArgumentsException, match=r"NHWC|float32"):
        runner.optimize(data)


def test_native_wants_normalised_pixels_and_the_later_stages_raw_ones(source):
    runner = parsed(source.path)
    runner.load_model_script(SCRIPT)
    native = emulated(runner, InferenceContext.SDK_NATIVE, source.normalised(pixels().astype(np.uint8)))
    runner.optimize_full_precision()
    optimised = emulated(runner, InferenceContext.SDK_FP_OPTIMIZED, pixels())
    runner.optimize(pixels(32, seed=1))
    coarse = emulated(runner, InferenceContext.SDK_QUANTIZED, pixels())
    assert native.shape == optimised.shape == coarse.shape == (8, DIM)
    assert np.allclose(native, optimised, atol=1e-4)
    alike = cosines(native, coarse)
    assert 0.99 < alike.min() < alike.max() < 1 - 1e-6


def test_a_har_keeps_everything(source, tmp_path):
    runner = parsed(source.path)
    runner.load_model_script(SCRIPT)
    runner.optimize(pixels(16))
    runner.save_har(str(tmp_path / "net.har"))
    again = ClientRunner(hw_arch="hailo8l", har=str(tmp_path / "net.har"))
    for context in InferenceContext:
        assert np.array_equal(emulated(runner, context, pixels()), emulated(again, context, pixels()))
    assert again.compile() == runner.compile()
