"""Both ends of a network are found by what they compute, however the exporter wrote them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from little_models import MEAN, STD, little_model

from cardscanner.errors import ArtifactError
from cardscanner_tools.export.cut import between, find_core
from cardscanner_tools.export.graph import folded


@pytest.mark.parametrize("scaling", ["sub_div", "mul_add"])
@pytest.mark.parametrize("ending", ["reduce_l2", "lp", "sqrt"])
def test_both_ends_are_found_in_every_form(scaling, ending):
    model = folded(little_model(scaling, ending), batch=1)
    core = find_core(model)
    assert (core.pixels, core.planes, core.features) == ("pixels", "planes", "features")
    assert core.mean == pytest.approx(MEAN, rel=1e-4)
    assert core.std == pytest.approx(STD, rel=1e-4)


channel = st.tuples(*[st.floats(0, 255, width=32)] * 3)
spread = st.tuples(*[st.floats(1, 255, width=32)] * 3)


@settings(max_examples=15, deadline=None)
@given(mean=channel, std=spread, scaling=st.sampled_from(["sub_div", "mul_add"]))
def test_any_normalisation_is_read_back(mean, std, scaling):
    core = find_core(folded(little_model(scaling, mean=mean, std=std), batch=1))
    assert core.mean == pytest.approx(mean, rel=1e-4, abs=1e-2)
    assert core.std == pytest.approx(std, rel=1e-4)


def test_what_lies_between_is_the_network_and_what_is_outside_the_two_ends():
    model = folded(little_model(ending="sqrt"), batch=1)
    core = find_core(model)
    inside = [node.op_type for node in between(model, core.planes, core.features)]
    assert inside == ["Conv", "Relu", "Conv", "Relu", "Flatten", "Gemm"]
    outside = {node.op_type for node in model.graph.node if node.name in core.outside(model)}
    assert outside == {"Transpose", "Cast", "Sub", "Div", "Mul", "ReduceSum", "Sqrt", "Max"}


def test_a_network_that_does_not_scale_to_unit_length_is_refused():
    with pytest.raises(ArtifactError, match="does not end in a scaling of its features to unit length"):
        find_core(folded(little_model(ending="none"), batch=1))


def test_a_normalisation_that_swaps_colours_is_refused():
    model = little_model("mul_add", padding=None)
    swap = onnx.helper.make_node("Gather", ["pixels", "order"], ["swapped"], axis=3)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 1, 0]), "order"))
    next(node for node in model.graph.node if node.op_type == "Cast").input[0] = "swapped"
    model.graph.node.insert(0, swap)
    with pytest.raises(ArtifactError, match="no tensor of normalised NCHW planes"):
        find_core(folded(model, batch=1))
