"""``model.ort`` answers like the model it was converted from."""

from __future__ import annotations

import numpy as np
import onnxruntime
from little_models import SIZE, little_folder

from cardscanner_tools.export.ort import OPERATORS, write_ort


def test_the_mobile_form_answers_like_the_model(tmp_path):
    folder = little_folder(tmp_path / "little")
    assert write_ort(folder / "model.onnx", folder) == ["model.ort", OPERATORS]
    crops = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    given, wanted = (
        onnxruntime.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"]).run(
            None, {"pixels": crops}
        )
        for name in ("model.ort", "model.onnx")
    )
    assert np.allclose(given[0], wanted[0], atol=1e-5)
    assert (folder / "model.ort").read_bytes()[4:8] == b"ORTM"
    assert "Conv" in (folder / OPERATORS).read_text()


def test_nothing_is_left_behind(tmp_path):
    folder = little_folder(tmp_path / "little")
    before = {path.name for path in folder.iterdir()}
    write_ort(folder / "model.onnx", folder)
    assert {path.name for path in folder.iterdir()} == before | {"model.ort", OPERATORS}
