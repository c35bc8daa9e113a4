"""Write the 8-bit form of a model as a model folder of its own, and say what it loses.

    cardscanner-tools quantise --model models/cardnet/0.2.0
    cardscanner-tools quantise --model models/cardnet/0.2.0 --captures 512 --cards 2000 --queries 1000

The folder ``<version>-int8`` is loaded like any other (`backend: onnx`), but it is another embedding space: a
database must be built with it. ``quantisation.json`` in it holds the figures and the seeds. Captures to
calibrate on are drawn from another seed than those that the loss is measured on.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.embed.model import open_model
from cardscanner.files import replacing, sha256_of, write_json
from cardscanner.manifest import ModelManifest
from cardscanner_tools.export.int8 import quantised
from cardscanner_tools.export.int8_loss import Loss, measure_loss
from cardscanner_tools.export.sealing import described, now, seal, unseal
from cardscanner_tools.export.trial import CALIBRATION_SEED, TRIAL_SEED, Trial, calibration_crops, square_side

REPORT = "quantisation.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("--model", type=Path, required=True, help="model folder with model.onnx")
    parser.add_argument("--out", type=Path, help="folder to write (default: beside it, <version>-int8)")
    parser.add_argument("--captures", type=int, default=256, help="captures to calibrate on")
    parser.add_argument("--seed", type=int, default=CALIBRATION_SEED, help="seed of these captures")
    parser.add_argument(
        "--signed", action="store_true", help="int8 activations, for x86 processors without VNNI"
    )
    parser.add_argument("--cards", type=int, default=1200, help="gallery that the loss is measured in")
    parser.add_argument("--queries", type=int, default=500, help="captures that the loss is measured on")
    parser.add_argument(
        "--trial-seed", type=int, default=TRIAL_SEED, help="seed of gallery and these captures"
    )


def run(options: argparse.Namespace) -> int:
    """Calibrate, quantise, measure, seal."""
    path, manifest, _ = open_model(options.model, "model.onnx")
    folder = options.out or options.model.with_name(f"{options.model.name}-int8")
    size = square_side(manifest)
    trial = Trial.render(options.trial_seed, options.cards, options.queries, size)
    unseal(folder)
    with replacing(folder / "model.onnx") as temporary:
        captures = calibration_crops(options.seed, options.captures, size)
        quantised(onnx.load(str(path)), captures, temporary, signed=options.signed)
    coarse = _described(folder, manifest, options)
    # Sealed once for the embedder, which opens nothing without a manifest, and again with its own report.
    seal(folder, coarse)
    loss = _loss(options.model, folder, trial)
    write_json(folder / REPORT, _report(options, path, loss))
    seal(folder, coarse.model_copy(update={"files": described(folder, ("model.onnx", REPORT))}))
    print(loss.table())
    smaller = (folder / "model.onnx").stat().st_size / path.stat().st_size
    print(
        f"{folder}: {(folder / 'model.onnx').stat().st_size / 1e6:.1f} MB, {smaller:.0%} of the float model"
    )
    return 0


def _described(folder: Path, manifest: ModelManifest, options: argparse.Namespace) -> ModelManifest:
    version = f"{manifest.version}-int8"
    return ModelManifest(
        name=manifest.name,
        version=version,
        space=f"{manifest.name}-{version}-{sha256_of(folder / 'model.onnx')[:8]}",
        input=manifest.input,
        dim=manifest.dim,
        files=described(folder, ("model.onnx",)),
        licence=manifest.licence,
        created=now(),
        notes=(
            f"8-bit form (QDQ, {_kind(options)}, per channel) of {manifest.name} {manifest.version}, "
            f"space {manifest.space}; "
            f"calibrated on {options.captures} rendered captures of seed {options.seed}; see {REPORT}."
        ),
    )


def _kind(options: argparse.Namespace) -> str:
    return "S8S8" if options.signed else "U8S8"


def _loss(fp32: Path, int8: Path, trial: Trial) -> Loss:
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(closing(load_embedder(OnnxConfig(backend="onnx", model=folder, threads=1))))
            for folder in (fp32, int8)
        )
        return measure_loss(one, other, trial)


def _report(options: argparse.Namespace, source: Path, loss: Loss) -> dict[str, Any]:
    return {
        "source_sha256": sha256_of(source),
        "kind": _kind(options),
        "calibration": {"captures": options.captures, "seed": options.seed},
        "trial": {"cards": options.cards, "queries": options.queries, "seed": options.trial_seed},
        "onnxruntime": onnxruntime.__version__,
        "loss": loss.document(),
    }
