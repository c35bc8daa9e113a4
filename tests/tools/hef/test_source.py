"""``hef-source.onnx``: cut out of a shipped model, static, normalised planes in, features out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from little_models import DIM, MEAN, SIZE, STD, little_folder, little_model

from cardscanner.errors import ArtifactError
from cardscanner.shipped import shipped_model
from cardscanner_tools.hef.source import write_source

SHIPPED = shipped_model() / "model.onnx"


def edges(model: onnx.ModelProto) -> list[tuple[str, int, list[int]]]:
    return [
        (
            each.name,
            each.type.tensor_type.elem_type,
            [dim.dim_value for dim in each.type.tensor_type.shape.dim],
        )
        for each in (*model.graph.input, *model.graph.output)
    ]


def run(path: Path, given: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: given})[0]


def test_the_shipped_model_is_cut_for_the_compiler(tmp_path):
    source = write_source(SHIPPED, tmp_path / "hef-source.onnx", 224)
    model = onnx.load(str(source.path))
    float32 = onnx.TensorProto.FLOAT
    assert edges(model) == [("planes", float32, [1, 3, 224, 224]), ("features", float32, [1, 768])]
    assert {node.op_type for node in model.graph.node} == {"Conv", "Clip", "Add", "Flatten", "Gemm"}
    assert (source.mean, source.std) == ((127.0,) * 3, (128.0,) * 3)
    assert [len(source.start_nodes), len(source.end_nodes)] == [1, 1]


@pytest.mark.parametrize("scaling", ["sub_div", "mul_add"])
def test_normalised_planes_through_the_cut_give_what_the_model_gives(tmp_path, scaling):
    folder = little_folder(tmp_path / "little", little_model(scaling))
    source = write_source(folder / "model.onnx", tmp_path / "hef-source.onnx", SIZE)
    assert source.mean == pytest.approx(MEAN, rel=1e-4)
    assert source.std == pytest.approx(STD, rel=1e-4)
    crop = np.random.default_rng(8).integers(0, 256, (1, SIZE, SIZE, 3), dtype=np.uint8)
    features = run(source.path, source.normalised(crop).transpose(0, 3, 1, 2).copy())
    wanted = run(folder / "model.onnx", crop)
    assert features.shape == (1, DIM)
    assert abs(np.linalg.norm(features) - 1) > 1e-3
    assert np.allclose(features / np.linalg.norm(features), wanted, atol=1e-5)


def test_it_names_the_nodes_where_the_compiler_starts_and_ends(tmp_path):
    folder = little_folder(tmp_path / "little")
    source = write_source(folder / "model.onnx", tmp_path / "hef-source.onnx", SIZE)
    assert (source.start_nodes, source.end_nodes) == (("conv1",), ("gemm",))


def test_the_same_model_gives_the_same_file(tmp_path):
    folder = little_folder(tmp_path / "little")
    first, again = (
        write_source(folder / "model.onnx", tmp_path / name, SIZE) for name in ("a.onnx", "b.onnx")
    )
    assert first.sha256 == again.sha256


def test_a_model_without_our_ends_is_refused(tmp_path):
    folder = little_folder(tmp_path / "little", little_model(ending="none"))
    with pytest.raises(ArtifactError, match="unit length"):
        write_source(folder / "model.onnx", tmp_path / "hef-source.onnx", SIZE)
