"""``hef-source.onnx``: what the Dataflow Compiler is given, cut out of ``model.onnx`` without torch.

It takes (1, 3, H, W) *normalised floats* and gives (1, dim) features:

* batch 1 and fixed shapes, because the compiler refuses free ones;
* NCHW, because that is how ONNX networks are written; the compiler turns it into the chip's NHWC itself;
* normalisation is cut off here and goes into the model script, so that the chip takes uint8 pixels as they
  are. Inside the graph it would be float arithmetic on pixels before the first quantised layer;
* the scaling to unit length is cut off: no network of Hailo's zoo does it on the chip, and the host does it
  in float in a few microseconds (``device/cardscanner/embed/arrays.py``).

The cut is verified: normalised pixels through this file must give what the model gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from cardscanner.errors import ArtifactError
from cardscanner.files import replacing, sha256_of
from cardscanner_tools.export.cut import Core, between, find_core
from cardscanner_tools.export.graph import check_opset, folded

INPUT, OUTPUT = "planes", "features"
_MOST_DIFFERENT = 1e-4


@dataclass(frozen=True, slots=True)
class Source:
    """The file for the compiler, and what the compiler has to know about it."""

    path: Path
    sha256: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """What the model script has to do to pixels, on the scale 0 to 255."""
    start_nodes: tuple[str, ...]
    end_nodes: tuple[str, ...]

    def normalised(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (N, H, W, 3) floats as the network wants them."""
        mean, std = np.array(self.mean, np.float32), np.array(self.std, np.float32)
        return np.asarray((pixels.astype(np.float32) - mean) / std, dtype=np.float32)


def write_source(model: Path, path: Path, size: int) -> Source:
    """Cut ``model.onnx`` and write it for the compiler.

    Raises
    ------
    ArtifactError
        It is no model of ours, or what was cut out answers differently.
    """
    whole = folded(onnx.load(str(model)), batch=1)
    core = find_core(whole)
    network = _cut(whole, core, size)
    check_opset(network, str(path))
    with replacing(path) as temporary:
        onnx.save(network, str(temporary))
    nodes = list(network.graph.node)
    source = Source(
        path=path,
        sha256=sha256_of(path),
        size=size,
        mean=core.mean,
        std=core.std,
        start_nodes=tuple(node.name for node in nodes if INPUT in node.input),
        end_nodes=tuple(node.name for node in nodes if OUTPUT in node.output),
    )
    _check(source, model)
    return source


def _cut(whole: onnx.ModelProto, core: Core, size: int) -> onnx.ModelProto:
    nodes = between(whole, core.planes, core.features)
    renamed = {core.planes: INPUT, core.features: OUTPUT}
    for node in nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    used = {name for node in nodes for name in node.input}
    entry = onnx.helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, [1, 3, size, size])
    features = onnx.ValueInfoProto(name=OUTPUT)
    graph = onnx.helper.make_graph(
        nodes,
        "card_embedder",
        [entry],
        [features],
        [each for each in whole.graph.initializer if each.name in used],
    )
    model = onnx.helper.make_model(graph, opset_imports=list(whole.opset_import), ir_version=whole.ir_version)
    shaped = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    found = {each.name: each for each in (*shaped.graph.value_info, *shaped.graph.output)}
    shaped.graph.output[0].CopyFrom(found[OUTPUT])
    onnx.checker.check_model(shaped)
    return shaped


def _check(source: Source, model: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (1, source.size, source.size, 3), dtype=np.uint8)
    (wanted,) = _answer(model, pixels)
    (features,) = _answer(source.path, source.normalised(pixels).transpose(0, 3, 1, 2).copy())
    vector = features.ravel() / np.linalg.norm(features)
    worst = float(np.abs(vector - wanted[0]).max())
    if not worst <= _MOST_DIFFERENT:
        raise ArtifactError(
            f"{source.path}, cut out of {model}, differs from it by {worst:.1e}: the cut is wrong, "
            "please report it"
        )


def _answer(path: Path, given: NDArray[np.generic]) -> list[NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return list(session.run(None, {session.get_inputs()[0].name: given}))
