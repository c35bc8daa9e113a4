"""NumPy's ``.npz``: ``vectors`` (N, D), and one array for each other field; metadata as JSON.

What is stored for second looks lies end to end in ``looks``; ``look_ends`` says where each row's ends.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner.match.exchange.rows import Header, Read, View, parsed_header, read_view

_COLUMNS = ("card_id", "name", "artwork", "image", "metadata")


def write(file: Path, header: Header, views: Iterator[View]) -> None:
    """Write the file; it appears whole or not at all."""
    vectors = np.empty((header.rows, header.dim), dtype=header.dtype)
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    looks: list[bytes] = []
    for row, view in enumerate(views):
        vectors[row] = view.vector
        for name in _COLUMNS[:-1]:
            columns[name].append(getattr(view, name))
        columns["metadata"].append(json.dumps(view.metadata, ensure_ascii=False))
        if view.look is not None:
            looks.append(view.look)
    arrays: dict[str, Any] = {name: np.array(values) for name, values in columns.items()}
    if looks:
        arrays["looks"] = np.frombuffer(b"".join(looks), np.uint8)
        arrays["look_ends"] = np.cumsum([len(each) for each in looks], dtype=np.int64)
    with replacing(file) as temporary, temporary.open("wb") as out:
        np.savez(out, header=np.array(header.model_dump_json()), vectors=vectors, **arrays)


def read(file: Path) -> Read:
    """Return the header, and the rows one by one."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            names = [name for name in ("looks", "look_ends") if name in arrays]
            found = {name: arrays[name] for name in ("header", "vectors", *_COLUMNS, *names)}
            header = parsed_header(file, json.loads(str(found["header"])))
            return header, _views(file, header, found)
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InputError(f"{file}: no database that was exported by us: {error}") from error


def _views(file: Path, header: Header, found: dict[str, Any]) -> Iterator[View]:
    ends = ["look_ends"] if "look_ends" in found else []
    lengths = {name: len(np.atleast_1d(found[name])) for name in ("vectors", *_COLUMNS, *ends)}
    if len(set(lengths.values())) != 1:
        raise InputError(f"{file}: its arrays have different lengths: {lengths}")
    for row, vector in enumerate(found["vectors"]):
        try:
            fields = {name: found[name][row] for name in _COLUMNS}
            fields["metadata"] = json.loads(str(fields["metadata"]))
            fields["look"] = _look(found, row) if ends else None
            yield read_view(f"row {row}", {**fields, "vector": vector}, header.dtype)
        except (ValueError, TypeError, IndexError, OverflowError, RecursionError) as error:
            raise InputError(f"{file}, row {row}: {error}") from error


def _look(found: dict[str, Any], row: int) -> bytes:
    ends = found["look_ends"]
    first = int(ends[row - 1]) if row else 0
    return bytes(np.asarray(found["looks"][first : int(ends[row])], dtype=np.uint8).tobytes())
