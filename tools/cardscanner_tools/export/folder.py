"""A torch network as a model folder that the scanner loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner.manifest import InputSpec, ModelManifest
from cardscanner_tools.export.sealing import described, now, seal, unseal
from cardscanner_tools.export.torch_onnx import compare, write_onnx

ALSO = ("ort", "coreml")


def write_model_folder(  # noqa: PLR0913 - what a manifest says
    net: Any,
    folder: Path,
    name: str,
    version: str,
    space: str,
    size: int,
    dim: int,
    licence: str,
    *,
    notes: str = "See MODEL_CARD.md.",
    also: Sequence[str] = (),
) -> tuple[ModelManifest, float]:
    """Write ``model.onnx``, what else is asked for, and the manifest last.

    ``net`` is a torch module that takes (B, size, size, 3) uint8 crops and gives (B, dim) unit vectors. It is
    put in evaluation mode. ``also`` may name "ort" (ONNX Runtime Mobile) and "coreml" (``.mlpackage``).

    Returns
    -------
    The manifest, and the largest difference of any value between torch and ONNX Runtime.

    Raises
    ------
    CardscannerError
        The network cannot be exported, or the file does not answer like torch.
    """
    unknown = sorted(set(also) - set(ALSO))
    if unknown:
        raise InputError(f"cannot also export {', '.join(unknown)}; there is {' and '.join(ALSO)}")
    net.eval()
    unseal(folder)
    path = folder / "model.onnx"
    with replacing(path) as temporary:
        write_onnx(net, temporary, size)
        worst = compare(net, temporary, size, dim)
    files = [path.name, *_others(net, folder, size, also)]
    manifest = ModelManifest(
        name=name,
        version=version,
        space=space,
        input=InputSpec(height=size, width=size),
        dim=dim,
        files=described(folder, files),
        licence=licence,
        created=now(),
        notes=notes,
    )
    seal(folder, manifest)
    return manifest, worst


def _others(net: Any, folder: Path, size: int, also: Sequence[str]) -> list[str]:
    files: list[str] = []
    if "ort" in also:
        from cardscanner_tools.export.ort import write_ort

        files += write_ort(folder / "model.onnx", folder)
    if "coreml" in also:
        from cardscanner_tools.export.coreml import write_mlpackage

        files += write_mlpackage(net, folder, size)
    return files
