"""Write the MQTT contract as documents: a JSON Schema for each payload, and AsyncAPI 3.

    cardscanner-tools mqtt-schemas [--out docs/mqtt] [--check]

They come from the models in cardscanner.publish; nobody edits them. ``--check`` writes nothing and fails when
what is there is not what would be written.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from cardscanner.publish.contract import CHANNELS, COMMANDS
from cardscanner.publish.payload import Payload
from cardscanner.publish.payload_answer import Answer
from cardscanner_tools.asyncapi import asyncapi_document

_generic: Any = Answer
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--out", type=Path, default=Path("docs/mqtt"), metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")


def run(arguments: argparse.Namespace) -> int:
    """Write the documents, or compare them."""
    fresh = documents()
    if arguments.check:
        return _compare(arguments.out, fresh)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for old in arguments.out.glob("*.schema.json"):
        old.unlink()
    for name, text in fresh.items():
        (arguments.out / name).write_text(text, encoding="utf-8")
    print(f"{len(fresh)} documents in {arguments.out}")
    return 0


def documents() -> dict[str, str]:
    """Return every document by its file name."""
    made = {f"{name}.schema.json": _json(schema) for name, schema in schemas().items()}
    asyncapi = yaml.safe_dump(asyncapi_document(), sort_keys=False, allow_unicode=True, width=110)
    return {**made, "asyncapi.yaml": "# Made by `cardscanner-tools mqtt-schemas`; do not edit.\n" + asyncapi}


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each payload by name: ``scan``, ``cmd-ping``, ``rsp-ping``, ..."""
    found = {}
    for channel in CHANNELS:
        if channel.payload is not None:
            name = channel.name.split("/")[0]
            found[name] = _schema(channel.payload, name, sent=channel.says == "device")
    for command in COMMANDS.values():
        found[f"cmd-{command.name}"] = _schema(command.request, f"cmd/{command.name}", sent=False)
        answer = _generic[command.data or Payload]
        found[f"rsp-{command.name}"] = _schema(answer, f"rsp/{command.name}", sent=True)
    return found


def _schema(model: type[Payload], title: str, *, sent: bool) -> dict[str, Any]:
    """Return a model's schema; what the device sends has every field, but those of ``update``."""
    mode: Any = "serialization" if sent and title != "update" else "validation"
    made = model.model_json_schema(mode=mode, ref_template="#/$defs/{model}")
    return {"$schema": _DIALECT, **made, "title": title}


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _compare(folder: Path, fresh: dict[str, str]) -> int:
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*") if path.is_file()}
    stale = sorted(name for name in there.keys() | fresh.keys() if there.get(name) != fresh.get(name))
    for name in stale:
        print(f"{folder / name}: stale; run cardscanner-tools mqtt-schemas")
    return 1 if stale else 0
