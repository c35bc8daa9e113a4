"""JSON lines: the header, then one line for each view of a card; anything can read it, but it is large."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner.match.exchange.rows import Header, Read, View, parsed_header, read_view


def write(file: Path, header: Header, views: Iterator[View]) -> None:
    """Write the file; it appears whole or not at all. Every float is written exactly."""
    with replacing(file) as temporary, temporary.open("w", encoding="utf-8") as out:
        out.write(header.model_dump_json() + "\n")
        for view in views:
            line = {
                "card_id": view.card_id,
                "name": view.name,
                "artwork": view.artwork,
                "image": view.image,
                "metadata": view.metadata,
                "vector": view.vector.tolist(),
            }
            if view.look is not None:
                line["look"] = base64.b64encode(view.look).decode()
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def read(file: Path) -> Read:
    """Return the header, and the rows one by one."""
    lines = _lines(file)
    header = parsed_header(file, next((document for _, document in lines), {}))
    return header, _views(file, header, lines)


def _lines(file: Path) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        with file.open(encoding="utf-8") as opened:
            for number, line in enumerate(opened, start=1):
                if line.strip():
                    yield number, json.loads(line)
    except UnicodeDecodeError as error:
        raise InputError(f"{file}, after line {number}: not UTF-8 text ({error.reason})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}, line {number}: not valid JSON: {error}") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error}") from error


def _views(file: Path, header: Header, lines: Iterator[tuple[int, Any]]) -> Iterator[View]:
    for number, fields in lines:
        try:
            if "look" in fields:
                fields["look"] = base64.b64decode(fields["look"], validate=True)
            yield read_view(f"line {number}", fields, header.dtype)
        except KeyError as error:
            raise InputError(f"{file}, line {number}: {error} is missing") from None
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{file}, line {number}: {error}") from None
