"""``model.ort``: the format that ONNX Runtime Mobile loads without a protobuf parser."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
import warnings
from pathlib import Path

from onnxruntime.tools.convert_onnx_models_to_ort import OptimizationStyle, convert_onnx_models_to_ort

from cardscanner.files import replacing

OPERATORS = "model.required_operators.config"
"""What a build of ONNX Runtime that is reduced to this one model has to contain."""


def write_ort(model: Path, folder: Path) -> list[str]:
    """Convert ``model.onnx`` with ONNX Runtime's own converter; return the names of the files written.

    The optimisations saved are those that hold on any Arm processor ("fixed" style for ``arm``).
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work = Path(temporary)
        shutil.copyfile(model, work / "model.onnx")
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            # The converter leaves closing its files to the garbage collector.
            warnings.simplefilter("ignore", ResourceWarning)
            convert_onnx_models_to_ort(
                work / "model.onnx",
                output_dir=work / "out",
                optimization_styles=[OptimizationStyle.Fixed],
                target_platform="arm",
            )
        for name in ("model.ort", OPERATORS):
            with replacing(folder / name) as path:
                shutil.copyfile(work / "out" / name, path)
    return ["model.ort", OPERATORS]
