"""Write a trained corner network as a finder folder: ONNX, any size of picture, and the manifest last.

cardscanner-tools export-corners --weights out/corners/corners.safetensors --version 0.1.0
cardscanner-tools export-corners ... --pool out/corners/pool    # 8 bits, calibrated on the pool's pictures
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
from cardscanner.files import replacing, write_json
from cardscanner.manifest import MANIFEST, FinderManifest, describe_file, sealed_document
from cardscanner_tools.corners.int8 import calibration_views, quantised
from cardscanner_tools.corners.network import CornerNet
from cardscanner_tools.corners.pool import read_pool

OPSET = 17
FILE = "corners.onnx"
_MOST_DIFFERENT = 1e-3
_SIZES = ((96, 160), (224, 384))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--weights", type=Path, required=True, help="corners.safetensors of a training run")
    parser.add_argument("--name", default="corners")
    parser.add_argument("--version", required=True)
    parser.add_argument("--pool", type=Path, help="pool of the training run: write the 8-bit form")
    parser.add_argument("--seed", type=int, default=21, help="of the views that the 8 bits are calibrated on")
    parser.add_argument(
        "--live", type=int, default=320, help="longer side of what it sees of a camera's frame"
    )
    parser.add_argument("--thorough", type=int, default=384, help="longer side of what it sees of a photo")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of all models")


def run(options: argparse.Namespace) -> int:
    """Export, compare with torch, seal with the manifest."""
    net = CornerNet()
    net.load_state_dict(load_file(options.weights))
    net.eval()
    folder = options.out / options.name / options.version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    with replacing(folder / FILE) as temporary:
        write_onnx(net, temporary)
        worst = compare(net, temporary)
        if options.pool is not None:
            quantised(temporary, calibration_views(read_pool(options.pool), options.seed), temporary)
    manifest = FinderManifest(
        name=options.name,
        version=options.version,
        side_px={"live": options.live, "thorough": options.thorough},
        files={FILE: describe_file(folder / FILE)},
        licence="Apache-2.0",
        created=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        notes=("float" if options.pool is None else "8 bits (QDQ, U8S8, per channel)")
        + "; see MODEL_CARD.md",
    )
    write_json(folder / MANIFEST, sealed_document(manifest))
    size = (folder / FILE).stat().st_size / 1e6
    print(f"{folder}: {size:.1f} MB; in float, ONNX differs from torch by at most {worst:.1e}")
    return 0


@torch.no_grad()
def write_onnx(net: CornerNet, path: Path) -> None:
    """Write the network for any batch, height and width."""
    example = torch.zeros((1, 192, 320, 3), dtype=torch.uint8)
    free = {0: "batch", 1: "height", 2: "width"}
    with warnings.catch_warnings():
        # The newer exporter writes opset 18 whatever it is asked for; the compilers downstream want 17.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net, (example,), str(path), opset_version=OPSET, dynamo=False,
            input_names=["pixels"], output_names=["maps"], dynamic_axes={"pixels": free, "maps": free},
        )  # fmt: skip
    written = {entry.domain or "ai.onnx": entry.version for entry in onnx.load(str(path)).opset_import}
    if written.get("ai.onnx") != OPSET:
        raise CardscannerError(f"{path}: exported with opsets {written}, wanted {OPSET}")


@torch.no_grad()
def compare(net: CornerNet, path: Path) -> float:
    """Return the largest difference of any value between torch and ONNX Runtime on random pictures."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for height, width in _SIZES:
        picture = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
        given = session.run(None, {"pixels": picture})[0]
        worst = max(worst, float(np.abs(given - net(torch.from_numpy(picture)).numpy()).max()))
    if worst > _MOST_DIFFERENT:
        raise CardscannerError(f"{path}: ONNX Runtime and torch differ by {worst:.1e}")
    return worst
