"""The embedder on ONNX Runtime, where it differs from the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from fake_hefs import relist
from onnx import TensorProto, helper
from thumbnails import thumbnail_model

from cardscanner.config import OnnxConfig
from cardscanner.embed.onnx import open_onnx
from cardscanner.errors import ArtifactError, EmbedderFailed
from cardscanner.onnx_network import ORT_ERRORS

SIZE = 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return thumbnail_model(tmp_path / "model", side=8, size=SIZE)


def config(folder: Path) -> OnnxConfig:
    return OnnxConfig(backend="onnx", model=folder, threads=1)


def crops(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)


def replace_network(folder: Path, edit) -> None:
    network = onnx.load(folder / "model.onnx")
    edit(network)
    onnx.save(network, folder / "model.onnx")
    relist(folder)


def flat_network(kind: int, shape: list[int | str], dim: int) -> onnx.ModelProto:
    """The first values of a picture are the vector."""
    bounds = {"start": np.array([0]), "end": np.array([dim]), "axis": np.array([1])}
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["float"], ["flat"], axis=1),
        helper.make_node("Slice", ["flat", *bounds], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "flat",
        [helper.make_tensor_value_info("pixels", kind, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [shape[0], dim])],
        [onnx.numpy_helper.from_array(value, name) for name, value in bounds.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_vectors_are_the_networks_own(folder: Path):
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"pixels": crops(11)})
    assert np.allclose(open_onnx(config(folder)).embed(crops(11)), expected, atol=1e-6)


def test_idle_threads_do_not_spin_and_only_the_cpu_is_used(folder: Path):
    session = open_onnx(OnnxConfig(backend="onnx", model=folder, threads=3))._network._session
    options = session.get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert session.get_providers() == ["CPUExecutionProvider"]


def test_a_damaged_file_is_refused_before_it_is_loaded(folder: Path):
    path = folder / "model.onnx"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="SHA-256"):
        open_onnx(config(folder))


def test_a_file_that_is_no_network_is_refused_with_the_way_out(folder: Path):
    (folder / "model.onnx").write_bytes(b"not a network")
    relist(folder)
    with pytest.raises(ArtifactError, match=r"model\.onnx cannot be loaded.*export it again"):
        open_onnx(config(folder))


def test_a_folder_without_an_onnx_file_is_refused(folder: Path):
    (folder / "model.onnx").rename(folder / "model.hef")
    relist(folder)
    with pytest.raises(ArtifactError, match=r"lists no model\.onnx"):
        open_onnx(config(folder))


@pytest.mark.parametrize(
    ("kind", "shape", "dim", "said"),
    [
        (TensorProto.FLOAT, ["batch", SIZE, SIZE, 3], 192, r"takes tensor\(float\)"),
        (TensorProto.UINT8, ["batch", 3, SIZE, SIZE], 192, "any, 3, 64, 64"),
        (TensorProto.UINT8, [1, SIZE, SIZE, 3], 192, r"\(1, 64, 64, 3\).*free batch size"),
        (TensorProto.UINT8, ["batch", SIZE, SIZE, 3], 99, r"any, 99\), but its manifest needs.*any, 192"),
    ],
)
def test_a_network_that_differs_from_its_manifest_is_refused(folder: Path, kind, shape, dim, said):
    onnx.save(flat_network(kind, shape, dim), folder / "model.onnx")
    relist(folder)
    with pytest.raises(ArtifactError, match=said):
        open_onnx(config(folder))


def test_a_network_with_two_outputs_is_refused(folder: Path):
    def edit(network: onnx.ModelProto) -> None:
        network.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["batch", 192]))

    replace_network(folder, edit)
    with pytest.raises(ArtifactError, match=r"gives .*; "):
        open_onnx(config(folder))


@pytest.mark.parametrize(("operation", "values"), [("Log", "not finite"), ("Mul", "all zeros")])
def test_vectors_without_direction_are_a_failed_call_not_an_answer(folder: Path, operation, values):
    """log(-1) is not a number; a product with nothing is nothing."""

    def edit(network: onnx.ModelProto) -> None:
        network.graph.node[-1].op_type = operation
        network.graph.node[-1].ClearField("attribute")
        if operation == "Mul":
            network.graph.node[-1].input.append("nothing")
            network.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(1, np.float32), "nothing"))

    replace_network(folder, edit)
    embedder = open_onnx(config(folder))
    with pytest.raises(EmbedderFailed, match=r"no usable vector for crop 0 of 2"):
        embedder.embed(np.zeros((2, SIZE, SIZE, 3), np.uint8))


def test_an_error_of_the_runtime_becomes_a_failed_call_that_leaves_it_usable(folder: Path):
    """The network adds the second crop of a batch to all of them, and a batch of one has none."""

    def edit(network: onnx.ModelProto) -> None:
        last = network.graph.node[-1]
        network.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1]), "second"))
        network.graph.node.insert(
            len(network.graph.node) - 1,
            helper.make_node("Gather", [last.input[0], "second"], ["row"], axis=0),
        )
        network.graph.node.insert(
            len(network.graph.node) - 1, helper.make_node("Add", [last.input[0], "row"], ["sum"])
        )
        network.graph.node[-1].input[0] = "sum"

    replace_network(folder, edit)
    embedder = open_onnx(config(folder))
    with pytest.raises(EmbedderFailed, match=r"model\.onnx failed on input.*ONNX Runtime says"):
        embedder.embed(crops(1))
    assert embedder.embed(crops(2)).shape == (2, 192)


def test_every_status_exception_of_onnx_runtime_is_translated():
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    for name in (
        "Fail",
        "InvalidArgument",
        "NoSuchFile",
        "InvalidProtobuf",
        "RuntimeException",
        "NotImplemented",
    ):
        assert getattr(state, name) in ORT_ERRORS
