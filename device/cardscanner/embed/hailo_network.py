"""Reading a HEF and checking that it is the network of the manifest; needs no chip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cardscanner.embed.hailo_binding import Binding
from cardscanner.embed.hailo_faults import parsing
from cardscanner.errors import ArtifactError
from cardscanner.manifest import ModelManifest

ARCHITECTURES = ("hailo8l", "hailo8")


@dataclass(frozen=True, slots=True)
class Network:
    """What the host has to know about a HEF."""

    path: Path
    architecture: str
    """Chip that it was compiled for, ``hailo8l`` or ``hailo8``."""
    input_bytes: int
    output_shape: tuple[int, ...]
    output_dtype: np.dtype[np.uint8] | np.dtype[np.uint16]
    zero_point: float
    scale: float
    multi_context: bool
    """The weights do not fit on the chip and cross the bus again for every batch."""

    def dequantise(self, codes: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float32]:
        """Return the real numbers behind a chip's output codes, as HailoRT itself computes them."""
        return (codes.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


def read_network(binding: Binding, path: Path, manifest: ModelManifest) -> Network:
    """Parse a HEF and check its edges against the manifest.

    Raises
    ------
    ArtifactError
        It cannot be parsed, or takes or gives something else than the manifest says.
    """
    # The shape of an edge is computed when it is asked for, and may be refused then: all of it is in here.
    with parsing(binding, f"reading {path}"):
        hef = binding.platform.HEF(str(path))
        entry = _only(hef.get_input_vstream_infos(), path, "inputs")
        result = _only(hef.get_output_vstream_infos(), path, "outputs")
        _check_input(binding, path, entry, manifest)
        dtype = _output_dtype(binding, path, result)
        _check_output(path, result, manifest)
        return Network(
            path=path,
            architecture=_architecture(path, manifest),
            input_bytes=math.prod(entry.shape),
            output_shape=tuple(result.shape),
            output_dtype=dtype,
            zero_point=float(result.quant_info.qp_zp),
            scale=float(result.quant_info.qp_scale),
            multi_context=bool(hef.get_network_groups_infos()[0].is_multi_context),
        )


def _only(infos: list[Any], path: Path, what: str) -> Any:
    if len(infos) != 1:
        names = ", ".join(info.name for info in infos) or "none"
        raise ArtifactError(
            f"{path} has {len(infos)} {what} ({names}), an embedder has one: compile it again"
        )
    return infos[0]


def _check_input(binding: Binding, path: Path, info: Any, manifest: ModelManifest) -> None:
    platform, wanted = binding.platform, (manifest.input.height, manifest.input.width, 3)
    right_format = (
        info.format.type == platform.FormatType.UINT8 and info.format.order == platform.FormatOrder.NHWC
    )
    if right_format and tuple(info.shape) == wanted:
        return
    raise ArtifactError(
        f"{path} takes {info.format.type} {info.format.order} {tuple(info.shape)}, but its manifest needs "
        f"UINT8 NHWC {wanted}: compile it with 8-bit input and `normalization(...)` in the model script"
    )


def _check_output(path: Path, info: Any, manifest: ModelManifest) -> None:
    if math.prod(info.shape) != manifest.dim:
        raise ArtifactError(
            f"{path} gives {math.prod(info.shape)} values {tuple(info.shape)}, its manifest says "
            f"{manifest.dim}: compile it with the end node at the embedding, or correct the manifest"
        )
    scale = float(info.quant_info.qp_scale)
    if not (math.isfinite(scale) and scale > 0 and math.isfinite(float(info.quant_info.qp_zp))):
        raise ArtifactError(f"{path} has no usable output scale ({scale}): quantise and compile it again")


def _output_dtype(binding: Binding, path: Path, info: Any) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
    if info.format.type == binding.platform.FormatType.UINT8:
        return np.dtype(np.uint8)
    if info.format.type == binding.platform.FormatType.UINT16:
        return np.dtype(np.uint16)
    raise ArtifactError(
        f"{path} gives {info.format.type}, we read UINT8 and UINT16: "
        "compile it without post-processing on the host"
    )


def _architecture(path: Path, manifest: ModelManifest) -> str:
    if manifest.hailo_arch in ARCHITECTURES:
        return manifest.hailo_arch
    raise ArtifactError(
        f"the manifest of {path} says hailo_arch: {manifest.hailo_arch}; it must name the chip that the HEF "
        f"was compiled for, {' or '.join(ARCHITECTURES)} (`hailortcli parse-hef {path.name}` tells)"
    )
