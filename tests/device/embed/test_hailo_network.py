"""Checking a HEF against its manifest, without a chip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_hefs import hailo_thumbnail_model
from hailo_platform.world import World, fresh_world

from cardscanner.embed.hailo_binding import load_binding
from cardscanner.embed.hailo_network import Network, read_network
from cardscanner.errors import ArtifactError
from cardscanner.manifest import load_model_manifest


@pytest.fixture(autouse=True)
def world():
    with fresh_world() as machine:
        machine.chips = {}
        yield machine


def read(folder: Path) -> Network:
    return read_network(load_binding(), folder / "model.hef", load_model_manifest(folder))


def test_a_network_is_described_without_a_chip(tmp_path: Path):
    network = read(hailo_thumbnail_model(tmp_path))
    assert (network.architecture, network.input_bytes) == ("hailo8l", 64 * 64 * 3)
    assert (network.output_shape, network.output_dtype, network.multi_context) == ((192,), "uint8", False)
    assert network.scale > 0


def test_codes_become_numbers_by_zero_point_and_scale(tmp_path: Path):
    network = read(hailo_thumbnail_model(tmp_path, zero_point=100.0, scale=0.5, bits=16))
    values = network.dequantise(np.array([[0, 100, 300]], np.uint16))
    assert values.tolist() == [[-50.0, 0.0, 100.0]]
    assert values.dtype == np.float32


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"input_type": "UINT16"}, "takes FormatType.UINT16"),
        ({"input_shape": (224, 224, 3)}, r"takes .*\(224, 224, 3\), but its manifest needs UINT8 NHWC \(64"),
        ({"output_shape": (100,)}, r"gives 100 values \(100,\), its manifest says 192"),
        ({"output_type": "FLOAT32"}, "gives FormatType.FLOAT32"),
        ({"scale": 0.0}, "no usable output scale"),
        ({"scale": float("nan")}, "no usable output scale"),
        ({"output_order": "HAILO_NMS_BY_CLASS"}, "reading .*: Format order has no shape"),
    ],
)
def test_a_hef_that_differs_from_its_manifest_is_refused_before_a_chip_is_touched(
    world: World, tmp_path: Path, header: dict, said: str
):
    with pytest.raises(ArtifactError, match=said):
        read(hailo_thumbnail_model(tmp_path, **header))
    assert world.events == []


@pytest.mark.parametrize("architecture", [None, "hailo15h"])
def test_a_manifest_that_names_no_chip_of_ours_is_refused(tmp_path: Path, architecture: str | None):
    hailo_thumbnail_model(tmp_path, hailo_arch=architecture, architecture="HAILO8L")
    with pytest.raises(ArtifactError, match=r"it must name the chip .*, hailo8l or hailo8"):
        read(tmp_path)
