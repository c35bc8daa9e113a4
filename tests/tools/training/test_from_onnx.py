"""The shipped ONNX file and the network rebuilt from it are one function. Needs torch."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import ArtifactError
from cardscanner.files import write_json
from cardscanner.manifest import InputSpec, ModelManifest, describe_file, load_model_manifest, sealed_document
from cardscanner.shipped import shipped_model
from cardscanner_tools.render.cards import render_card
from cardscanner_tools.render.catalogue import catalogue
from cardscanner_tools.scene.capture import capture
from cardscanner_tools.training.from_onnx import rebuild, restore_statistics

pytestmark = pytest.mark.train

SHIPPED = shipped_model()


def model_folder(folder: Path, document, side: int = 224) -> Path:
    """A sealed model folder around any ONNX file."""
    folder.mkdir()
    onnx.save(document, str(folder / "model.onnx"))
    manifest = ModelManifest(
        name="other", version="1", space="other", input=InputSpec(height=side, width=side), dim=768,
        files={"model.onnx": describe_file(folder / "model.onnx")}, licence="Apache-2.0",
        created="2026-11-22T00:00:00Z",
    )  # fmt: skip
    write_json(folder / "manifest.json", sealed_document(manifest))
    return folder


def shipped_document():
    return onnx.load(str(SHIPPED / "model.onnx"))


def means_of_a_crop():
    """The smallest model there is: the mean colour, times a matrix."""
    weight = np.ones((3, 768), np.float32)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["values"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["means", "weight"], ["embedding"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 224, 224, 3])
    vector = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 768])
    graph = helper.make_graph(nodes, "means", [pixels], [vector], [numpy_helper.from_array(weight, "weight")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_the_shipped_model_and_its_rebuilt_network_give_the_same_vectors():
    net, manifest = rebuild(SHIPPED)
    draw = np.random.default_rng(3)
    crops = np.stack([capture(draw, render_card(spec)) for spec in catalogue(6, seed=9)])
    with closing(load_embedder(OnnxConfig(backend="onnx", model=SHIPPED))) as embedder:
        given = embedder.embed(crops)
    with torch.no_grad():
        assert np.abs(net(torch.from_numpy(crops)).numpy() - given).max() < 1e-5
    assert manifest.space == load_model_manifest(SHIPPED).space
    assert not net.training


def test_a_rebuilt_network_can_learn_in_its_tail_and_not_in_its_front():
    net, _ = rebuild(SHIPPED)
    net(torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8))[:, 0].sum().backward()
    assert net.widen[1].weight.grad.abs().sum() > 0
    assert net.stem[1].weight.grad is None


def test_with_restored_statistics_the_answers_stay_and_training_mode_agrees_with_them():
    net, _ = rebuild(SHIPPED)
    draw = np.random.default_rng(4)
    crops = torch.from_numpy(np.stack([capture(draw, render_card(spec)) for spec in catalogue(16, seed=10)]))
    with torch.no_grad():
        before = net(crops)
        net.train()
        astray = torch.nn.functional.cosine_similarity(net(crops), before).mean()
        net, _ = rebuild(SHIPPED)
        restore_statistics(net, crops)
        assert torch.allclose(net(crops), before, atol=1e-4)
        net.train()
        close = torch.nn.functional.cosine_similarity(net(crops), before).mean()
    assert astray < 0.9 < 0.99 < close


def test_a_model_for_other_pictures_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match="takes 64 x 64 pixels, not 224 x 224"):
        rebuild(model_folder(tmp_path / "small", means_of_a_crop(), side=64))


def test_another_architecture_is_refused_with_what_differs(tmp_path):
    with pytest.raises(ArtifactError, match=r"not a CardNet \(0 convolutions, not 29\)"):
        rebuild(model_folder(tmp_path / "means", means_of_a_crop()))


def test_a_network_of_other_strides_is_refused(tmp_path):
    document = shipped_document()
    first = next(node for node in document.graph.node if node.op_type == "Conv")
    strides = next(each for each in first.attribute if each.name == "strides")
    strides.ints[:] = [1, 1]
    with pytest.raises(ArtifactError, match=r"convolution 0 has .*stride 1, not .*stride 2"):
        rebuild(model_folder(tmp_path / "strides", document))


def test_a_network_of_other_activations_is_refused_because_it_answers_differently(tmp_path):
    document = shipped_document()
    for node in document.graph.node:
        if node.op_type == "Clip":
            node.op_type = "Relu"
            del node.input[1:]
            break
    with pytest.raises(ArtifactError, match="answers differently"):
        rebuild(model_folder(tmp_path / "relu", document))


def test_a_damaged_file_is_refused_before_it_is_read(tmp_path):
    folder = model_folder(tmp_path / "damaged", means_of_a_crop())
    data = bytearray((folder / "model.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "model.onnx").write_bytes(data)
    with pytest.raises(ArtifactError, match="SHA-256"):
        rebuild(folder)
