"""Compile a model for a Hailo chip: HEF, HARs and the record of how they were made go into the model folder.

    cardscanner-tools compile-hef --model models/cardnet/0.2.0 --script cardnet --hailort 4.23.0
    cardscanner-tools compile-hef --model models/student/0.2.0 --script regnetx --arch hailo8l

Needs Hailo's Dataflow Compiler (docs/hailo.md), but neither torch nor a chip. Give ``--hailort`` the oldest
HailoRT that the HEF has to run on. Stopping it at any time is fine: the same command goes on behind the last
finished step. Three accuracy gates compare the compiler's emulator with ``model.onnx``; when one fails, no
HEF is made. Afterwards, ``hailortcli parse-hef`` and ``cardscanner check`` on the box have the last word.
"""

from __future__ import annotations

import argparse
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.embed.hailo_network import ARCHITECTURES
from cardscanner.embed.model import open_model
from cardscanner.errors import InputError
from cardscanner.files import replacing, sha256_of, write_json
from cardscanner.manifest import ModelManifest
from cardscanner_tools.export.sealing import described, now, seal
from cardscanner_tools.export.trial import (
    CALIBRATION_SEED,
    TRIAL_SEED,
    Trial,
    calibration_crops,
    embedded,
    square_side,
)
from cardscanner_tools.hef.compiler import find_compiler
from cardscanner_tools.hef.gates import Reference
from cardscanner_tools.hef.script import read_recipe, recipes, with_normalisation
from cardscanner_tools.hef.source import write_source
from cardscanner_tools.hef.steps import HEF, PARSED, QUANTISED, SCRIPT, Compilation, Plan
from cardscanner_tools.hef.versions import check_pair, runtime_for
from cardscanner_tools.hef.work import WorkFolder

RECORD = "hef.json"
_INTO_THE_FOLDER = {HEF: HEF, PARSED: "model.parsed.har", QUANTISED: "model.quantised.har", SCRIPT: SCRIPT}
_FEWEST_CAPTURES = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument(
        "--model", type=Path, required=True, help="model folder with model.onnx; gets model.hef"
    )
    parser.add_argument("--arch", default="hailo8l", choices=ARCHITECTURES, help="chip to compile for")
    parser.add_argument(
        "--script", default="cardnet", help=f"{', '.join(recipes())}, or a path to an .alls file"
    )
    parser.add_argument("--hailort", help="oldest HailoRT on the boxes, such as 4.23.0")
    parser.add_argument("--captures", type=int, default=_FEWEST_CAPTURES, help="captures to calibrate on")
    parser.add_argument("--seed", type=int, default=CALIBRATION_SEED, help="seed of these captures")
    parser.add_argument("--cards", type=int, default=1000, help="gallery of the gates")
    parser.add_argument("--queries", type=int, default=500, help="captures of the gates")
    parser.add_argument(
        "--trial-seed", type=int, default=TRIAL_SEED, help="seed of gallery and these captures"
    )
    parser.add_argument("--work", type=Path, help="work folder (default: out/hef/<name>-<version>-<arch>)")


def run(options: argparse.Namespace) -> int:
    """Compile, pass the gates, add HEF and record to the model folder."""
    compiler = find_compiler()
    warning = check_pair(compiler.version, options.hailort)
    if warning:
        print(f"compile-hef: warning: {warning}")
    if options.captures < _FEWEST_CAPTURES:
        raise InputError(
            f"--captures {options.captures}: the compiler's optimisation wants at least {_FEWEST_CAPTURES}, "
            "and lowers its level without a word when it gets fewer"
        )
    path, manifest, _ = open_model(options.model, "model.onnx")
    work = WorkFolder.open(
        options.work or Path("out/hef") / f"{manifest.name}-{manifest.version}-{options.arch}"
    )
    compilation = Compilation(_plan(options, path, manifest, work), compiler, work)
    compilation.run()
    _add_to(options.model, manifest, options, compilation)
    print(f"{options.model / HEF}: {(options.model / HEF).stat().st_size / 1e6:.1f} MB for {options.arch}")
    return 0


def _plan(options: argparse.Namespace, model: Path, manifest: ModelManifest, work: WorkFolder) -> Plan:
    size = square_side(manifest)
    source = write_source(model, work.path("hef-source.onnx"), size)
    trial = Trial.render(options.trial_seed, options.cards, options.queries, size)
    return Plan(
        source=source,
        arch=options.arch,
        script=with_normalisation(read_recipe(options.script), source.mean, source.std),
        calibration=calibration_crops(options.seed, options.captures, size),
        queries=trial.queries,
        reference=_reference(options.model, trial),
        recipe={
            name: getattr(options, name) for name in ("captures", "seed", "cards", "queries", "trial_seed")
        },
    )


def _reference(model: Path, trial: Trial) -> Reference:
    with closing(load_embedder(OnnxConfig(backend="onnx", model=model, threads=1))) as embedder:
        return Reference(
            embedded(embedder, trial.gallery, "float gallery"),
            embedded(embedder, trial.queries, "float captures"),
        )


def _add_to(
    folder: Path, manifest: ModelManifest, options: argparse.Namespace, compilation: Compilation
) -> None:
    """Copy the results, each in one move, and seal the folder again: model.onnx stays usable throughout."""
    for name, target in _INTO_THE_FOLDER.items():
        with replacing(folder / target) as temporary:
            shutil.copyfile(compilation.work.path(name), temporary)
    write_json(folder / RECORD, _record(options, compilation))
    added = described(folder, (*_INTO_THE_FOLDER.values(), RECORD))
    seal(
        folder,
        manifest.model_copy(update={"files": manifest.files | added, "hailo_arch": options.arch}),
    )


def _record(options: argparse.Namespace, compilation: Compilation) -> dict[str, Any]:
    plan, compiler = compilation.plan, compilation.compiler
    return {
        "created": now(),
        "arch": plan.arch,
        "dataflow_compiler": compiler.version,
        "hailort": runtime_for(compiler.version),
        "hailort_of_the_boxes": options.hailort,
        "source_sha256": plan.source.sha256,
        "script": options.script,
        "script_sha256": sha256_of(compilation.work.path(SCRIPT)),
        "normalisation": {"mean": plan.source.mean, "std": plan.source.std},
        "start_nodes": plan.source.start_nodes,
        "end_nodes": plan.source.end_nodes,
        "output_layer": compilation.output_layer(),
        "calibration_and_trial": plan.recipe,
        "gates": [figures.document() for figures in compilation.gates],
    }
