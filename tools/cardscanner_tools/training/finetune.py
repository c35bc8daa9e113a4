"""Adapt a model to cards of your own: references in, a model folder out, and what it gained and cost.

References are what ``cardscanner db build`` takes: a folder of pictures or a card table. Part of the cards is
held back and never trained on; the table at the end compares both, before and after, so that learning by
heart shows. The new model has an embedding space of its own: databases must be built again with it.

A model that is a CardNet is turned back into a network from its ONNX file; for another one, give the weights
that it was exported from (``--weights``). A run that was stopped goes on when the same command is given
again. On a CPU, run it under jemalloc, as ``cardscanner-tools train --help`` says.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import InputError
from cardscanner.files import write_json
from cardscanner.manifest import load_model_manifest
from cardscanner_tools.training.augment_settings import AugmentSettings, parse_settings
from cardscanner_tools.training.finetune_cards import Faces, read_faces
from cardscanner_tools.training.finetune_measure import measure, table
from cardscanner_tools.training.finetune_run import adapt, export
from cardscanner_tools.training.finetune_split import Split, split_cards
from cardscanner_tools.training.finetune_task import Plan

_EXAMPLES = """examples:
  cardscanner-tools finetune --model models/cardnet/0.2.0 --references references.csv --out out/finetune
  cardscanner-tools finetune --model models/cardnet/0.2.0 --references scans/ --out out/finetune \\
      --examples 5000 --lr 1e-4 --augment none,erasing=0.5
  cardscanner db build references.csv --model out/finetune/model --out db/mine

changes for --augment: """

FEW = 200
"""Artworks; fewer are mostly learnt by heart."""
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.epilog = _EXAMPLES + ", ".join(AugmentSettings.model_fields)
    parser.add_argument("--model", type=Path, required=True, help="model folder to start from")
    parser.add_argument(
        "--references", type=Path, required=True, help="folder of card pictures, or a CSV card table"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; the model is OUT/model")
    parser.add_argument("--weights", type=Path, help="weights of MODEL, where it is not a CardNet")
    parser.add_argument(
        "--examples", type=int, default=20_000, help="captures to learn from (default: %(default)s)"
    )
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2e-4, help="largest learning rate (default: %(default)s)")
    parser.add_argument(
        "--anchor", type=float, default=5.0, metavar="WEIGHT",
        help="how strongly captures are drawn to where MODEL puts the clean card (%(default)s; 0: not)",
    )  # fmt: skip
    parser.add_argument(
        "--augment", default="default", metavar="WORDS",
        help="default, none, or changes: erasing=0.3,gridmask=0 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--hold-back", type=float, default=0.1, metavar="SHARE", help="of the artworks (default: %(default)s)"
    )
    parser.add_argument("--captures", type=int, default=400, help="of each kind, to measure with")
    parser.add_argument("--name", help="of the new model (default: the old name with -mine)")
    parser.add_argument("--version", default="1", help="of the new model")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make captures")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=50, help="steps between checkpoints")


def run(options: argparse.Namespace) -> int:
    """Measure, adapt, export, measure again."""
    _check(options)
    torch.set_num_threads(options.threads)
    manifest = load_model_manifest(options.model)
    plan = Plan(
        options.model, options.weights, options.out, options.examples, options.batch, options.lr,
        options.anchor, options.seed, parse_settings(options.augment), options.save_every, options.workers,
    )  # fmt: skip
    faces = read_faces(options.references, options.out / "cards")
    _tell_unreadable(faces)
    split, before = _before(options, faces, manifest.space)
    weights = adapt(plan, manifest, faces, split)
    name = options.name or f"{manifest.name}-mine"
    folder = export(plan, manifest, weights, name, options.version, len(split.seen_rows))
    with closing(load_embedder(_onnx(folder, options))) as embedder:
        after = measure(embedder, faces, split, options.captures, options.seed)
    _report(options, faces, split, before, after, folder)
    return 0


def _check(options: argparse.Namespace) -> None:
    if not 0 < options.hold_back < 1:
        raise InputError(f"--hold-back {options.hold_back}: give a share between 0 and 1, say 0.1")
    for name, least in (("examples", 1), ("batch", 2), ("captures", 1), ("save_every", 1), ("threads", 1)):
        if getattr(options, name) < least:
            raise InputError(f"--{name.replace('_', '-')} must be at least {least}")


def _onnx(folder: Path, options: argparse.Namespace) -> OnnxConfig:
    return OnnxConfig(backend="onnx", model=folder, threads=options.threads)


def _before(options: argparse.Namespace, faces: Faces, space: str) -> tuple[Split, dict[str, float]]:
    """Return who is held back and how the model does as it is; a run that goes on opens what it found."""
    key = [faces.identity, space, options.seed, options.hold_back, options.captures]

    def find() -> dict[str, Any]:
        with closing(load_embedder(_onnx(options.model, options))) as embedder:
            split = split_cards(faces, embedder, options.hold_back, options.seed)
            _warn_of_few(split)
            figures = measure(embedder, faces, split, options.captures, options.seed)
        return {
            "artworks": split.artworks.tolist(),
            "held_back": split.held_back.tolist(),
            "figures": figures,
        }

    found = _once(options.out / "before.json", key, find)
    return Split(np.array(found["artworks"]), np.array(found["held_back"])), found["figures"]


def _once(path: Path, key: list[Any], find: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what was found for this key before, else find it and keep it."""
    if path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kept["key"] == key:
            return kept
    found = {"key": key, **find()}
    write_json(path, found)
    return found


def _tell_unreadable(faces: Faces) -> None:
    for each in faces.unreadable[:_SHOWN]:
        print(f"left out: {each.card_id}: {each.reason}", file=sys.stderr)
    if len(faces.unreadable) > _SHOWN:
        print(f"left out: {len(faces.unreadable) - _SHOWN} more", file=sys.stderr)


def _warn_of_few(split: Split) -> None:
    artworks = len(np.unique(split.classes))
    if artworks < FEW:
        print(
            f"warning: only {artworks} artworks to learn from: so few are mostly learnt by heart. "
            'Compare the rows "cards it never saw" before you use the result',
            file=sys.stderr,
        )


def _report(
    options: argparse.Namespace, faces: Faces, split: Split,
    before: dict[str, float], after: dict[str, float], folder: Path,
) -> None:  # fmt: skip
    held_back = [each.card_id for each, kept in zip(faces.references, split.held_back, strict=True) if kept]
    document = {
        "options": {name: str(value) for name, value in vars(options).items()},
        "cards": len(faces.references),
        "artworks": int(split.artworks.max()) + 1,
        "held_back": held_back,
        "unreadable": [each.card_id for each in faces.unreadable],
        "before": before,
        "after": after,
    }
    write_json(options.out / "finetune.json", document)
    named = options.out / "finetune.json"
    print(f"{len(split.seen_rows)} cards seen, {len(held_back)} held back (named in {named})")
    print(table(before, after))
    print(f"the model: {folder}; databases need it built in again:")
    print(f"  cardscanner db build {options.references} --model {folder} --out db/mine")
