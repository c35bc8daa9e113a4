"""What every embedder does with a model folder before it loads anything."""

from __future__ import annotations

from pathlib import Path

from cardscanner.manifest import ModelManifest, load_model_manifest, verified
from cardscanner.ports import ModelInfo


def open_model(folder: Path, file: str) -> tuple[Path, ModelManifest, ModelInfo]:
    """Return path, manifest and description of one verified network file of a model folder.

    Raises
    ------
    ArtifactError
        Manifest or file is missing, damaged, or the two do not belong together.
    """
    manifest = load_model_manifest(folder)
    path = verified(folder, manifest.files, file)
    info = ModelInfo(
        name=f"{manifest.name} {manifest.version}",
        sha256=manifest.files[file].sha256,
        space=manifest.space,
        height=manifest.input.height,
        width=manifest.input.width,
        dim=manifest.dim,
    )
    return path, manifest, info
