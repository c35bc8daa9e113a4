"""Back from a shipped model folder to a torch network that can be trained on.

The ONNX exporter folds each batch norm into the convolution before it. Here the folded weights go into the
convolution, and its batch norm becomes "add the bias": the answers are those of the file, so no torch weights
need to be shipped beside it. What is lost is the statistics that the batch norms were trained with: before
training on, :func:`restore_statistics` measures them again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from cardscanner.embed.model import open_model
from cardscanner.errors import ArtifactError
from cardscanner.manifest import ModelManifest
from cardscanner_tools.training.network import SIDE, CardNet

MOST_DIFFERENT = 1e-5
"""Any value of a unit vector, network against file."""


def rebuild(folder: Path) -> tuple[CardNet, ModelManifest]:
    """Return the network of a model folder in evaluation mode, and the folder's manifest.

    Raises
    ------
    ArtifactError
        The folder is incomplete or damaged, or its ``model.onnx`` is another architecture.
    """
    path, manifest, _ = open_model(folder, "model.onnx")
    if (manifest.input.height, manifest.input.width) != (SIDE, SIDE):
        size = f"{manifest.input.height} x {manifest.input.width}"
        raise _another(path, f"it takes {size} pixels, not {SIDE} x {SIDE}")
    graph = onnx.load(str(path)).graph
    values = {each.name: torch.tensor(numpy_helper.to_array(each)) for each in graph.initializer}
    net = CardNet(manifest.dim).eval()
    _fill_convolutions(path, net, _nodes(graph, "Conv"), values)
    _fill_head(path, net, graph, values)
    worst = _difference(net, path)
    if worst > MOST_DIFFERENT:
        raise _another(path, f"rebuilt as CardNet it answers differently, by up to {worst:.1e}")
    return net, manifest


@torch.no_grad()
def restore_statistics(net: CardNet, crops: Tensor) -> None:
    """Give every batch norm the mean and spread of what it sees for (B, H, W, 3) crops, at the same answers.

    A rebuilt batch norm is exact in evaluation mode, but in training mode it would scale each channel by
    the batch's spread, which its weight does not undo. Scale and offset here take up what the statistics
    change: with mean m and spread s, ``w x + b`` becomes ``(w s) (x - m) / s + (b + w m)``.
    """
    handles = [
        norm.register_forward_pre_hook(_settle)
        for norm in net.modules()
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    ]
    net.eval()
    net(crops)
    for handle in handles:
        handle.remove()


def _settle(norm: Any, inputs: tuple[Tensor]) -> None:
    planes = inputs[0].transpose(0, 1).flatten(1)
    spread = (planes.var(dim=1) + norm.eps).sqrt()
    old = (norm.running_var + norm.eps).sqrt()
    mean = planes.mean(dim=1)
    norm.bias += norm.weight * (mean - norm.running_mean) / old
    norm.weight *= spread / old
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(planes.var(dim=1))


def _nodes(graph: Any, kind: str) -> list[Any]:
    return [node for node in graph.node if node.op_type == kind]


def _another(path: Path, why: str) -> ArtifactError:
    return ArtifactError(
        f"{path} is not a CardNet ({why}): only models written by `cardscanner-tools export` from a CardNet "
        "can be turned back into a network; train this one on from its own weights"
    )


def _fill_convolutions(path: Path, net: CardNet, nodes: list[Any], values: dict[str, Tensor]) -> None:
    """Both the network's modules and the file's nodes stand in the order in which they run."""
    pairs = _convolutions(net)
    if len(nodes) != len(pairs):
        raise _another(path, f"{len(nodes)} convolutions, not {len(pairs)}")
    for number, (node, (convolution, norm)) in enumerate(zip(nodes, pairs, strict=True)):
        given = [values.get(name) for name in node.input[1:]]
        if len(given) != 2 or given[0] is None or given[1] is None:
            raise _another(path, f"convolution {number} has no weight and bias of its own in the file")
        expected, found = _shape(convolution), _shape_of_node(node, given[0])
        if expected != found:
            raise _another(path, f"convolution {number} has {found}, not {expected}")
        convolution.load_state_dict({"weight": given[0]})
        _only_add(norm, given[1])


def _convolutions(net: CardNet) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    modules = [each for each in net.modules() if isinstance(each, nn.Conv2d | nn.BatchNorm2d)]
    return list(zip(modules[::2], modules[1::2], strict=True))


def _shape(convolution: nn.Conv2d) -> str:
    return f"weights {tuple(convolution.weight.shape)}, stride {convolution.stride[0]}"


def _shape_of_node(node: Any, weight: Tensor) -> str:
    strides = [list(each.ints) for each in node.attribute if each.name == "strides"]
    return f"weights {tuple(weight.shape)}, stride {strides[0][0] if strides else 1}"


@torch.no_grad()
def _only_add(norm: nn.BatchNorm2d, bias: Tensor) -> None:
    """Let the batch norm add ``bias`` and do nothing else."""
    norm.weight.fill_(1.0)
    norm.bias.copy_(bias)
    norm.running_mean.zero_()
    norm.running_var.fill_(1.0 - norm.eps)


def _fill_head(path: Path, net: CardNet, graph: Any, values: dict[str, Tensor]) -> None:
    products, norms = _nodes(graph, "MatMul"), _nodes(graph, "BatchNormalization")
    if len(products) != 1 or len(norms) != 1:
        raise _another(path, f"{len(products)} matrix products and {len(norms)} batch norms, not 1 and 1")
    weight = values.get(products[0].input[1])
    if weight is None or weight.T.shape != net.project.weight.shape:
        found = None if weight is None else tuple(weight.T.shape)
        raise _another(path, f"a projection of shape {found}, not {tuple(net.project.weight.shape)}")
    names = ("weight", "bias", "running_mean", "running_var")
    given = {name: values.get(source) for name, source in zip(names, norms[0].input[1:], strict=True)}
    if any(each is None or each.shape != net.centre.weight.shape for each in given.values()):
        raise _another(path, f"the last batch norm does not have {net.centre.num_features} values")
    net.project.load_state_dict({"weight": weight.T.contiguous()})
    net.centre.load_state_dict(given, strict=False)


@torch.no_grad()
def _difference(net: CardNet, path: Path) -> float:
    """Return the largest difference of any value on random crops; infinite when the file cannot run them."""
    crops = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {session.get_inputs()[0].name: crops})
    mine = net(torch.from_numpy(crops)).numpy()
    return float(np.abs(given - mine).max()) if given.shape == mine.shape else float("inf")
