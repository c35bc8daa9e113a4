"""Write trained weights as a model folder: ONNX, uint8 NHWC in, unit vectors out, and the manifest last.

    cardscanner-tools export --weights out/train/cardnet.safetensors --version 0.2.0 --out models
    cardscanner-tools export --weights out/distil/ios.safetensors --version 0.2.0 --also ort,coreml

Which network the weights are of, its size and its licence stand in the weights file: our trainer wrote them
there. ``--also ort`` adds ``model.ort`` for ONNX Runtime Mobile, ``--also coreml`` adds ``model.mlpackage``
for iOS (needs coremltools). `quantise` and `compile-hef` go on from the folder, and need no torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cardscanner.files import sha256_of
from cardscanner_tools.export.folder import ALSO, write_model_folder
from cardscanner_tools.training.networks import load_network
from cardscanner_tools.training.weights import read_entry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--weights", type=Path, required=True, help="a .safetensors file of a training run")
    parser.add_argument("--name", help="of the model (default: the network's)")
    parser.add_argument("--version", required=True)
    parser.add_argument("--licence", help="of the model (default: the network's)")
    parser.add_argument("--also", default="", help=f"comma-separated: {', '.join(ALSO)}")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of all models")


def run(options: argparse.Namespace) -> int:
    """Export, compare with torch, seal with the manifest."""
    entry = read_entry(options.weights)
    name = options.name or entry.name
    folder = options.out / name / options.version
    manifest, worst = write_model_folder(
        load_network(options.weights),
        folder,
        name=name,
        version=options.version,
        space=f"{name}-{options.version}-{sha256_of(options.weights)[:8]}",
        size=entry.size,
        dim=entry.dim,
        licence=options.licence or entry.licence,
        also=[each for each in options.also.split(",") if each],
    )
    for file, described in manifest.files.items():
        print(f"{folder / file}: {described.size / 1e6:.1f} MB")
    print(f"ONNX Runtime differs from torch by at most {worst:.1e}")
    return 0
