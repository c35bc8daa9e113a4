"""Cleaned graphs: the same answers, fixed batch, no loose padding, opset 17 and nothing foreign."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from little_models import SIZE, little_model

from cardscanner.errors import ArtifactError
from cardscanner.shipped import shipped_model
from cardscanner_tools.export.graph import bottlenecks, check_opset, folded, opset_of

SHIPPED = shipped_model() / "model.onnx"


def answers(model: onnx.ModelProto, count: int = 1, size: int = SIZE) -> np.ndarray:
    crops = np.random.default_rng(3).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"pixels": crops})[0]


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_the_shipped_model_is_cleaned_without_changing_its_answers():
    model = onnx.load(str(SHIPPED))
    clean = folded(model, batch=1)
    assert np.allclose(answers(clean, size=224), answers(model, size=224), atol=1e-6)
    assert {"Pad", "Constant", "Shape", "BatchNormalization"}.isdisjoint(kinds(clean))
    assert [each.dim_value for each in clean.graph.input[0].type.tensor_type.shape.dim] == [1, 224, 224, 3]
    assert opset_of(clean) == 17
    check_opset(clean, "it")


def test_a_free_batch_stays_free():
    clean = folded(little_model())
    assert np.allclose(answers(clean, 5), answers(little_model(), 5), atol=1e-6)


def test_folding_leaves_the_model_it_was_given_alone():
    model = little_model()
    before = model.SerializeToString()
    folded(model, batch=1)
    assert model.SerializeToString() == before


@pytest.mark.parametrize("padding", [(0, 0, 1, 1, 0, 0, 2, 2), (0, 0, 2, 0, 0, 0, 1, 3)])
def test_zeros_around_the_planes_become_the_convolutions_own(padding):
    model = little_model(padding=padding)
    clean = folded(model, batch=1)
    assert "Pad" not in kinds(clean)
    assert np.allclose(answers(clean), answers(model), atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"mode": b"reflect"}, id="mirrored"),
        pytest.param({"value": 1.0}, id="ones"),
    ],
)
def test_any_other_padding_stays(change):
    model = little_model()
    pad = next(node for node in model.graph.node if node.op_type == "Pad")
    if "mode" in change:
        pad.attribute.append(onnx.helper.make_attribute("mode", change["mode"]))
    else:
        model.graph.initializer.append(
            onnx.numpy_helper.from_array(np.array(change["value"], np.float32), "one")
        )
        pad.input.append("one")
    clean = folded(model, batch=1)
    assert "Pad" in kinds(clean)
    assert np.allclose(answers(clean), answers(model), atol=1e-6)


def test_padding_that_a_second_layer_reads_too_stays():
    model = little_model(padding=(0, 0, 1, 1, 0, 0, 2, 2))
    model.graph.node.extend(
        [onnx.helper.make_node("ReduceMax", ["padded"], ["top"], axes=[1, 2, 3], keepdims=0)]
    )
    model.graph.output.append(onnx.helper.make_tensor_value_info("top", onnx.TensorProto.FLOAT, ["batch"]))
    clean = folded(model, batch=1)
    assert kinds(clean).count("Pad") == 1


@pytest.mark.parametrize("opset", [13, 18])
def test_another_opset_is_refused_in_words(opset):
    model = little_model(opset=opset, ending="lp", padding=None)
    with pytest.raises(ArtifactError, match=f"it is written with opset {opset}; .* want opset 17"):
        check_opset(model, "it")


def test_foreign_operators_are_refused_by_name():
    model = little_model()
    model.graph.node[3].domain = "com.microsoft"
    with pytest.raises(ArtifactError, match=r"com\.microsoft\.Div"):
        check_opset(model, "it")


def test_bottlenecks_lead_from_pixels_to_answer_and_skip_what_has_a_way_around():
    names = bottlenecks(folded(little_model(ending="reduce_l2"), batch=1))
    assert names[0] == "pixels"
    assert names[-1] == "embedding"
    assert {"planes", "features", "flat"} <= set(names)
    assert {"length", "safe", "wide"}.isdisjoint(names)
