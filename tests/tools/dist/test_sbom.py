"""The list of parts: as CycloneDX's schema has it, and the same each time."""

import json
from datetime import UTC, datetime

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from dist_products import tiny_wheel

from cardscanner.files import sha256_of
from cardscanner.shipped import shipped_model
from cardscanner_tools.dist.sbom import write_sbom
from cardscanner_tools.dist.targets import target_of

MADE = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def parts(tmp_path):
    wheels = [
        tiny_wheel(tmp_path, "cardscanner", "1.5.0", License_Expression="Apache-2.0"),
        tiny_wheel(tmp_path, "PyNaCl", "1.6.2", License="Apache License 2.0"),
        tiny_wheel(tmp_path, "quiet", "1.0"),
    ]
    for name in ("one.json", "two.json"):
        write_sbom(wheels, target_of("3.11", "aarch64"), MADE, tmp_path / name)
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    text = (tmp_path / "one.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    return json.loads(text)


def test_it_names_every_wheel_with_version_hash_and_licence(parts, tmp_path):
    assert parts["metadata"]["component"]["name"] == "cardscanner"
    assert parts["metadata"]["component"]["licenses"] == [{"expression": "Apache-2.0"}]
    listed = {each["name"]: each for each in parts["components"]}
    (path,) = tmp_path.glob("PyNaCl-*.whl")
    assert listed["PyNaCl"]["version"] == "1.6.2"
    assert listed["PyNaCl"]["purl"] == "pkg:pypi/pynacl@1.6.2"
    assert listed["PyNaCl"]["hashes"] == [{"alg": "SHA-256", "content": sha256_of(path)}]
    assert listed["PyNaCl"]["licenses"] == [{"license": {"name": "Apache License 2.0"}}]
    assert listed["quiet"]["licenses"] == [{"license": {"name": "not stated"}}]


def test_it_names_the_systems_numpy_model_finder_and_database(parts):
    listed = {each["name"]: each for each in parts["components"]}
    assert listed["python3-numpy"]["version"] == "1.24.2"
    assert listed["cardnet"]["type"] == "machine-learning-model"
    assert listed["cardnet"]["hashes"][0]["content"] == sha256_of(shipped_model() / "manifest.json")
    assert {"corners", "demo"} <= listed.keys()
