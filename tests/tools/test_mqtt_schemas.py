"""The contract's documents are what the models say, and are sound themselves."""

from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from cardscanner.publish.contract import CHANNELS, COMMANDS
from cardscanner_tools.cli import main
from cardscanner_tools.mqtt_schemas import documents, schemas

FOLDER = Path(__file__).parents[2] / "docs" / "mqtt"


def test_the_documents_that_are_checked_in_are_not_stale():
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir() if path.is_file()}
    assert there == documents(), "run: cardscanner-tools mqtt-schemas"


def test_a_stale_document_is_named(tmp_path, capsys):
    assert main(["mqtt-schemas", "--out", str(tmp_path)]) == 0
    assert main(["mqtt-schemas", "--out", str(tmp_path), "--check"]) == 0
    (tmp_path / "scan.schema.json").write_text("{}", encoding="utf-8")
    (tmp_path / "old.schema.json").write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert main(["mqtt-schemas", "--out", str(tmp_path), "--check"]) == 1
    said = capsys.readouterr().out
    assert "scan.schema.json" in said
    assert "old.schema.json" in said
    assert main(["mqtt-schemas", "--out", str(tmp_path)]) == 0
    assert main(["mqtt-schemas", "--out", str(tmp_path), "--check"]) == 0


def test_every_schema_is_a_schema():
    for schema in schemas().values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    document = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text(encoding="utf-8"))

    def references(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from [inner] if key == "$ref" else references(inner)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    found = set(references(document))
    for reference in found:
        if reference.startswith("#/"):
            target = document
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
        else:
            assert (FOLDER / reference).is_file(), reference
    assert len(found) >= len(CHANNELS) + 3 * len(COMMANDS) - 2
    assert document["asyncapi"] == "3.0.0"
    assert set(document["operations"]) == {key for key in document["channels"] if not key.startswith("rsp-")}
