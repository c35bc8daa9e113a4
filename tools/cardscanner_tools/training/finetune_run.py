"""From a model folder to an adapted one: the start, the training, the export."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from accelerate import Accelerator

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import ArtifactError
from cardscanner.files import sha256_of
from cardscanner.manifest import ModelManifest
from cardscanner_tools.export.folder import write_model_folder
from cardscanner_tools.scene.capture import capture
from cardscanner_tools.training.checkpoint import seed_everything
from cardscanner_tools.training.finetune_cards import Faces
from cardscanner_tools.training.finetune_split import Split, seen_pool
from cardscanner_tools.training.finetune_task import (
    Adaptation,
    AdaptationEngine,
    Plan,
    adaptation_recipe,
    cardnet_entry,
)
from cardscanner_tools.training.from_onnx import rebuild, restore_statistics
from cardscanner_tools.training.ledger import Ledger
from cardscanner_tools.training.networks import load_network
from cardscanner_tools.training.pool import Pool
from cardscanner_tools.training.recipe_network import NetworkEntry
from cardscanner_tools.training.weights import read_about, read_entry, write_weights

_SETTLING = 64
"""Captures from which the batch norms of a rebuilt network take their statistics."""
_MOST_DIFFERENT = 1e-3
"""Any value of a unit vector, weights against the model that they are said to be of."""


def adapt(plan: Plan, manifest: ModelManifest, faces: Faces, split: Split) -> Path:
    """Train, or go on training, and return the weights.

    Raises
    ------
    ConfigError
        ``plan.out`` holds a run with other settings or other references.
    ArtifactError
        The model cannot be turned back into a network, or the weights are not those of the model.
    """
    pool = seen_pool(faces, split, plan.out / "cards" / "seen")
    entry, start = _start(plan, manifest, pool)
    notes = (
        f"{manifest.space} adapted to {len(pool.labels)} cards of {faces.identity}, anchor {plan.anchor:g}"
    )
    recipe = adaptation_recipe(plan, entry, start, notes)
    cv2.setNumThreads(1)
    seed_everything(plan.seed)
    accelerator = Accelerator(
        cpu=not torch.cuda.is_available(), mixed_precision="bf16" if recipe.precision == "bf16" else "no"
    )
    task = Adaptation(recipe, faces, split, plan.anchor)
    ledger = Ledger(plan.out, recipe, task, accelerator, tensorboard=False)
    try:
        AdaptationEngine(recipe, task, accelerator, ledger, pool).run(plan.workers)
    finally:
        ledger.close()
    return plan.out / f"{recipe.network.name}.safetensors"


def _start(plan: Plan, manifest: ModelManifest, pool: Pool) -> tuple[NetworkEntry, Path]:
    if plan.weights is not None:
        _check_weights(plan.weights, plan.model)
        return read_entry(plan.weights), plan.weights
    entry, path = cardnet_entry(manifest), plan.out / "start.safetensors"
    if not path.is_file() or read_about(path).get("space") != manifest.space:
        net, _ = rebuild(plan.model)
        draw = np.random.default_rng([plan.seed, 14])
        rows = draw.integers(len(pool.labels), size=_SETTLING)
        crops = np.stack([capture(draw, np.array(pool.faces[row])) for row in rows])
        restore_statistics(net, torch.from_numpy(crops))
        write_weights(path, net, {"network": entry.model_dump(mode="json"), "space": manifest.space})
    return entry, path


@torch.no_grad()
def _check_weights(weights: Path, model: Path) -> None:
    """Compare the weights with the model folder on random crops."""
    entry = read_entry(weights)
    crops = np.random.default_rng(0).integers(0, 256, (2, entry.size, entry.size, 3), dtype=np.uint8)
    embedder = load_embedder(OnnxConfig(backend="onnx", model=model))
    if (embedder.info.height, embedder.info.dim) == (entry.size, entry.dim):
        mine = load_network(weights)(torch.from_numpy(crops)).numpy()
        if np.abs(embedder.embed(crops) - mine).max() < _MOST_DIFFERENT:
            return
    raise ArtifactError(
        f"{weights} are not the weights of {model}: their answers differ; give those it was exported from"
    )


def export(plan: Plan, manifest: ModelManifest, weights: Path, name: str, version: str, cards: int) -> Path:
    """Write ``OUT/model`` with an embedding space of its own."""
    entry = read_entry(weights)
    folder = plan.out / "model"
    write_model_folder(
        load_network(weights),
        folder,
        name=name,
        version=version,
        space=f"{name}-{version}-{sha256_of(weights)[:8]}",
        size=entry.size,
        dim=entry.dim,
        licence=manifest.licence,
        notes=f"{manifest.space} fine-tuned on {cards} cards of a user's own",
    )
    return folder
