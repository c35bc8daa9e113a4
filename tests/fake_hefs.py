"""Compiling ONNX networks for the double of HailoRT: a miniature of what the Dataflow Compiler does.

The float network stays as it is; only its output is quantised, with limits that are seen on calibration
pictures. So the noise of 8-bit outputs is real, that of 8-bit weights is not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from hailo_platform.pyhailort.hef_file import Header, pack
from thumbnails import thumbnail_model

from cardscanner.files import write_json
from cardscanner.manifest import describe_file, load_model_manifest, sealed_document


def hailo_thumbnail_model(
    folder: Path, side: int = 8, size: int = 64, hailo_arch: str | None = "hailo8l", **header: Any
) -> Path:
    """Write a model folder with ``model.onnx`` and ``model.hef``; ``header`` changes fields of the HEF."""
    thumbnail_model(folder, side, size)
    write_fake_hef(folder, **{"architecture": (hailo_arch or "hailo8l").upper()} | header)
    relist(folder, hailo_arch=hailo_arch)
    return folder


def write_fake_hef(folder: Path, bits: int = 8, **changed: Any) -> Path:
    """Compile ``model.onnx`` of a folder into ``model.hef``."""
    network = (folder / "model.onnx").read_bytes()
    manifest = load_model_manifest(folder)
    shape = (manifest.input.height, manifest.input.width, 3)
    low, high = _output_limits(network, shape)
    scale = (high - low) / (2**bits - 1)
    fields: dict[str, Any] = {
        "name": "thumbnail",
        "architecture": "HAILO8L",
        "input_shape": shape,
        "output_shape": (manifest.dim,),
        "scale": scale,
        "zero_point": float(round(-low / scale)),
        "limits": (low, high),
        "output_type": "UINT8" if bits == 8 else "UINT16",
    }
    path = folder / "model.hef"
    path.write_bytes(pack(Header(**fields | changed), network))
    return path


def relist(folder: Path, **changed: Any) -> None:
    """Make the manifest of a folder agree with the files that now lie in it."""
    files = {path.name: describe_file(path) for path in sorted(folder.glob("model.*"))}
    manifest = load_model_manifest(folder).model_copy(update={"files": files} | changed)
    write_json(folder / "manifest.json", sealed_document(manifest))


def _output_limits(network: bytes, shape: tuple[int, int, int]) -> tuple[float, float]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(network, sess_options=options, providers=["CPUExecutionProvider"])
    calibration = np.random.default_rng(1).integers(0, 256, (16, *shape), dtype=np.uint8)
    (values,) = session.run(None, {session.get_inputs()[0].name: calibration})
    return 1.2 * float(values.min()), 1.2 * float(values.max())
