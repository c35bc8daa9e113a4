"""Write trained weights as a model folder: ONNX, uint8 NHWC in, unit vectors out, and the manifest last.

cardscanner-tools export --weights out/train/cardnet.safetensors --name cardnet --version 0.1.0 --out models
"""

from __future__ import annotations

import argparse
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file

from cardscanner.errors import CardscannerError
from cardscanner.files import replacing, sha256_of, write_json
from cardscanner.manifest import MANIFEST, InputSpec, ModelManifest, describe_file, sealed_document
from cardscanner_tools.training.network import SIDE, CardNet

OPSET = 17
LICENCE = "Apache-2.0"
_MOST_DIFFERENT = 1e-4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--weights", type=Path, required=True, help="cardnet.safetensors of a training run")
    parser.add_argument("--name", default="cardnet")
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of all models")


def run(options: argparse.Namespace) -> int:
    """Export, compare with torch, seal with the manifest."""
    net = CardNet()
    net.load_state_dict(load_file(options.weights))
    net.eval()
    folder = options.out / options.name / options.version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    path = folder / "model.onnx"
    with replacing(path) as temporary:
        write_onnx(net, temporary)
        worst = compare(net, temporary)
    manifest = ModelManifest(
        name=options.name,
        version=options.version,
        space=f"{options.name}-{options.version}-{sha256_of(options.weights)[:8]}",
        input=InputSpec(height=SIDE, width=SIDE),
        dim=net.project.out_features,
        files={path.name: describe_file(path)},
        licence=LICENCE,
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        notes="See MODEL_CARD.md.",
    )
    write_json(folder / MANIFEST, sealed_document(manifest))
    print(f"{folder}: {path.stat().st_size / 1e6:.1f} MB, ONNX differs from torch by at most {worst:.1e}")
    return 0


def write_onnx(net: CardNet, path: Path) -> None:
    """Write the network with a dynamic batch; :class:`CardscannerError` when the opset is not ours."""
    example = torch.zeros((2, SIDE, SIDE, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        # The newer exporter writes opset 18 whatever it is asked for; the compilers downstream want 17.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (example,), str(path), opset_version=OPSET, dynamo=False,
            input_names=["pixels"], output_names=["embedding"],
            dynamic_axes={"pixels": {0: "batch"}, "embedding": {0: "batch"}},
        )  # fmt: skip
    written = {entry.domain or "ai.onnx": entry.version for entry in onnx.load(str(path)).opset_import}
    if written.get("ai.onnx") != OPSET:
        raise CardscannerError(f"{path}: exported with opsets {written}, wanted {OPSET}")


@torch.no_grad()
def compare(net: CardNet, path: Path) -> float:
    """Return the largest difference of any value between torch and ONNX Runtime on random crops."""
    crops = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = session.run(None, {"pixels": crops})[0]
    worst = float(np.abs(given - net(torch.from_numpy(crops)).numpy()).max())
    if worst > _MOST_DIFFERENT:
        raise CardscannerError(f"{path}: ONNX Runtime and torch differ by {worst:.1e}")
    return worst
