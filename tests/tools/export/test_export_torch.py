"""torch networks as model folders: opset 17 or nothing, agreement with torch, phones' formats. Needs torch."""

from __future__ import annotations

import argparse
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hailo_sdk_client.network import parse
from safetensors.torch import save_file
from torch import nn

from cardscanner.config import OnnxConfig
from cardscanner.embed import load_embedder
from cardscanner.errors import ArtifactError, CardscannerError, InputError
from cardscanner.manifest import load_model_manifest, verified
from cardscanner_tools.export import command
from cardscanner_tools.export.cut import find_core
from cardscanner_tools.export.folder import write_model_folder
from cardscanner_tools.export.graph import folded, opset_of
from cardscanner_tools.export.torch_onnx import compare, write_onnx
from cardscanner_tools.hef.source import write_source
from cardscanner_tools.training.networks import build
from cardscanner_tools.training.recipe_network import NetworkEntry
from cardscanner_tools.training.weights import write_weights

pytestmark = pytest.mark.train

SIZE, DIM = 48, 24


class Student(nn.Module):
    """A little network with the two methods of every student."""

    def __init__(self, dim: int = DIM) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 5, 4, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(8 * 12 * 12, dim)

    def features(self, crops: torch.Tensor) -> torch.Tensor:
        return self.head(self.body((crops.permute(0, 3, 1, 2).float() - 127) / 128))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(self.features(crops), dim=1)


class OnlyTheNewerExporterKnowsIt(Student):
    def features(self, crops: torch.Tensor) -> torch.Tensor:
        return torch.expm1(super().features(crops))


class NeitherExporterKnowsIt(Student):
    def features(self, crops: torch.Tensor) -> torch.Tensor:
        return torch.special.i0(super().features(crops))


class Attention(Student):
    """Fused attention, as timm's transformers call it."""

    def features(self, crops: torch.Tensor) -> torch.Tensor:
        wide = super().features(crops).reshape(-1, 4, 6)
        return nn.functional.scaled_dot_product_attention(wide, wide, wide, is_causal=False).flatten(
            1
        ) + wide.flatten(1)


def seeded(kind: type[Student]) -> Student:
    torch.manual_seed(0)
    return kind().eval()


def written(net: Student, folder: Path, **given) -> Path:
    named = {
        "name": "little",
        "version": "1",
        "space": "little-1",
        "size": SIZE,
        "dim": DIM,
        "licence": "Apache-2.0",
    }
    write_model_folder(net, folder, **(named | given))
    return folder


@pytest.mark.parametrize("kind", [Student, OnlyTheNewerExporterKnowsIt, Attention])
def test_whatever_exporter_is_needed_the_file_says_opset_17_and_answers_like_torch(tmp_path, kind):
    net = seeded(kind)
    write_onnx(net, tmp_path / "model.onnx", SIZE)
    model = onnx.load(str(tmp_path / "model.onnx"))
    assert opset_of(model) == 17
    assert not any(node.domain for node in model.graph.node)
    assert compare(net, tmp_path / "model.onnx", SIZE, DIM) < 1e-5
    assert not list(tmp_path.glob("*.data"))


def test_an_operation_that_neither_exporter_knows_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(
        CardscannerError, match=r"older ONNX exporter fails .* replace that operation in the network"
    ):
        write_onnx(seeded(NeitherExporterKnowsIt), tmp_path / "model.onnx", SIZE)


def test_a_file_that_answers_differently_is_refused(tmp_path):
    write_onnx(seeded(Student), tmp_path / "model.onnx", SIZE)
    torch.manual_seed(1)
    with pytest.raises(CardscannerError, match="ONNX Runtime and torch differ by"):
        compare(Student().eval(), tmp_path / "model.onnx", SIZE, DIM)
    with pytest.raises(CardscannerError, match=r"gives \(3, 24\) .* wanted \(3, 25\)"):
        compare(seeded(Student), tmp_path / "model.onnx", SIZE, DIM + 1)


def test_the_folder_loads_in_the_scanner_with_any_number_of_crops(tmp_path):
    net = seeded(Student).train()
    folder = written(net, tmp_path / "little")
    assert not net.training
    crops = np.random.default_rng(0).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)
    with (
        closing(load_embedder(OnnxConfig(backend="onnx", model=folder, threads=1))) as embedder,
        torch.no_grad(),
    ):
        assert embedder.info.space == "little-1"
        assert np.allclose(embedder.embed(crops), net(torch.from_numpy(crops)).numpy(), atol=1e-5)


def test_a_failed_export_leaves_no_manifest_and_no_half_file(tmp_path):
    folder = written(seeded(Student), tmp_path / "little")
    with pytest.raises(CardscannerError):
        written(seeded(NeitherExporterKnowsIt), folder)
    assert not (folder / "manifest.json").exists()
    assert [path.name for path in folder.iterdir()] == ["model.onnx"]


def test_an_exported_network_can_be_cut_for_the_hailo_compiler(tmp_path):
    folder = written(seeded(Student), tmp_path / "little")
    source = write_source(folder / "model.onnx", tmp_path / "hef-source.onnx", SIZE)
    assert (source.mean, source.std) == ((127.0,) * 3, (128.0,) * 3)
    written(seeded(OnlyTheNewerExporterKnowsIt), tmp_path / "newer")
    assert find_core(folded(onnx.load(str(tmp_path / "newer" / "model.onnx")), batch=1)).mean == (127.0,) * 3


def test_the_form_for_onnx_runtime_mobile_is_listed_and_verified(tmp_path):
    folder = written(seeded(Student), tmp_path / "little", also=["ort"])
    manifest = load_model_manifest(folder)
    assert set(manifest.files) == {"model.onnx", "model.ort", "model.required_operators.config"}
    for name in manifest.files:
        verified(folder, manifest.files, name)


@pytest.mark.skipif(find_spec("coremltools") is None, reason="coremltools is not installed")
def test_the_form_for_iphones_takes_an_image_and_gives_floats(tmp_path):
    from coremltools.proto import Model_pb2

    folder = written(seeded(Student), tmp_path / "little", also=["coreml"])
    manifest = load_model_manifest(folder)
    program = "model.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    assert {program, "model.mlpackage/Manifest.json"} < set(manifest.files)
    for name in manifest.files:
        verified(folder, manifest.files, name)
    spec = Model_pb2.Model()
    spec.ParseFromString((folder / program).read_bytes())
    (entry,), (result,) = spec.description.input, spec.description.output
    assert (entry.name, entry.type.imageType.width, entry.type.imageType.height) == ("pixels", SIZE, SIZE)
    assert entry.type.imageType.colorSpace == entry.type.imageType.RGB
    assert (result.name, list(result.type.multiArrayType.shape)) == ("embedding", [1, DIM])
    assert result.type.multiArrayType.dataType == result.type.multiArrayType.FLOAT32
    assert precisions(spec)["conv"] == {"FLOAT16"}
    assert precisions(spec)["reduce_l2_norm"] == {"FLOAT32"}


def precisions(spec) -> dict[str, set[str]]:
    """Return the element types of what each kind of operation gives."""
    from coremltools.proto import MIL_pb2

    found: dict[str, set[str]] = {}
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    for operation in block.operations:
        kinds = {MIL_pb2.DataType.Name(each.type.tensorType.dataType) for each in operation.outputs}
        found.setdefault(operation.type, set()).update(kinds)
    return found


def test_an_unknown_form_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="cannot also export tflite; there is ort and coreml"):
        written(seeded(Student), tmp_path / "little", also=["tflite"])
    assert not (tmp_path / "little").exists()


def export(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


ENTRIES = {
    "cardnet": NetworkEntry(
        name="cardnet", source="cardnet", features=3136, head="own", mean=(127.0,) * 3, std=(128.0,) * 3, licence="Apache-2.0"
    ),
    "tiny": NetworkEntry(
        name="tiny", source="test_resnet", size=64, features=96, dim=32, mean=(120.0,) * 3, std=(60.0,) * 3, licence="MIT"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_the_command_exports_whatever_network_the_weights_say_they_are_of(tmp_path, capsys, name):
    entry = ENTRIES[name]
    torch.manual_seed(0)
    net = build(entry).eval()
    write_weights(tmp_path / "w.safetensors", net, {"network": entry.model_dump(mode="json")})
    assert (
        export("--weights", str(tmp_path / "w.safetensors"), "--version", "0.0.9", "--out", str(tmp_path))
        == 0
    )
    folder = tmp_path / name / "0.0.9"
    manifest = load_model_manifest(folder)
    assert (manifest.name, manifest.dim, manifest.input.height, manifest.licence) == (
        name,
        entry.dim,
        entry.size,
        entry.licence,
    )
    assert manifest.space.startswith(f"{name}-0.0.9-")
    assert "differs from torch by at most" in capsys.readouterr().out
    source = write_source(folder / "model.onnx", tmp_path / "hef-source.onnx", entry.size)
    assert (source.mean, source.std) == (
        pytest.approx(entry.mean, rel=1e-4),
        pytest.approx(entry.std, rel=1e-4),
    )
    parse(onnx.load(str(source.path)), list(source.start_nodes), list(source.end_nodes), {})


@pytest.mark.parametrize(
    ("source", "given"),
    [("test_vit", {"patch": 16, "features": 64, "pooling": "token"}), ("test_convnext", {"features": 64})],
)
def test_transformers_and_convnexts_of_timm_are_written_with_opset_17_too(tmp_path, source, given):
    entry = NetworkEntry(
        name="t", source=source, size=160, dim=32, mean=(120.0,) * 3, std=(60.0,) * 3, licence="MIT", **given
    )
    torch.manual_seed(0)
    folder = tmp_path / source
    write_model_folder(build(entry), folder, "t", "1", "t-1", entry.size, entry.dim, "MIT")
    model = folded(onnx.load(str(folder / "model.onnx")), batch=1)
    assert opset_of(model) == 17
    assert find_core(model).std == pytest.approx(entry.std, rel=1e-4)


def test_name_and_licence_can_be_given(tmp_path):
    net = build(ENTRIES["tiny"])
    write_weights(tmp_path / "w.safetensors", net, {"network": ENTRIES["tiny"].model_dump(mode="json")})
    words = ["--name", "other", "--licence", "CC0-1.0", "--version", "1", "--out", str(tmp_path)]
    assert export("--weights", str(tmp_path / "w.safetensors"), *words) == 0
    assert load_model_manifest(tmp_path / "other" / "1").licence == "CC0-1.0"


def test_weights_that_do_not_say_what_they_are_of_are_refused(tmp_path):
    save_file({"other": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(ArtifactError, match="does not say which network"):
        export("--weights", str(tmp_path / "w.safetensors"), "--version", "1")
    with pytest.raises(ArtifactError, match="cannot be read"):
        export("--weights", str(tmp_path / "none.safetensors"), "--version", "1")
