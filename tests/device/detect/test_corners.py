"""Opening the corner network: what is refused, and that no finder takes another's place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cardscanner.config import FinderConfig
from cardscanner.detect import open_finder
from cardscanner.errors import ArtifactError
from cardscanner.manifest import MANIFEST, describe_file, load_finder_manifest, sealed_document
from cardscanner.shipped import shipped_finder, shipped_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped_finder(), tmp_path / "corners"))


def opening(folder: Path):
    return open_finder(FinderConfig(backend="corners", model=folder))


def test_the_network_that_comes_with_the_project_is_used_when_none_is_named(tmp_path, monkeypatch):
    assert open_finder(FinderConfig()).find(np.zeros((90, 120, 3), np.uint8)) == []
    monkeypatch.setenv("CARDSCANNER_HOME", str(tmp_path))
    with pytest.raises(ArtifactError, match="in the configuration"):
        open_finder(FinderConfig())


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ArtifactError, match=r"manifest\.json is missing.*finished finder folder"):
        opening(tmp_path)


def test_a_damaged_network_is_refused(folder):
    path = folder / "corners.onnx"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="SHA-256"):
        opening(folder)


def test_an_edited_manifest_is_refused(folder):
    document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    document["side_px"]["live"] = 640
    (folder / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ArtifactError, match="seal"):
        opening(folder)


def test_an_embedder_is_no_finder(folder):
    with pytest.raises(ArtifactError, match="kind"):
        opening(shipped_model())


def test_another_network_under_the_right_name_is_refused(folder):
    shutil.copy(shipped_model() / "model.onnx", folder / "corners.onnx")
    manifest = load_finder_manifest(folder)
    changed = manifest.model_copy(update={"files": {"corners.onnx": describe_file(folder / "corners.onnx")}})
    (folder / MANIFEST).write_text(json.dumps(sealed_document(changed)), encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"a corner network takes .*export it again"):
        opening(folder)
