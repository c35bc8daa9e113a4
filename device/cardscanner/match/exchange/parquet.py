"""Apache Parquet, through pyarrow: fields as in the other formats, the header as metadata.

Vectors are float32, through which float16 goes and comes back without a change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cardscanner.errors import InputError
from cardscanner.files import replacing
from cardscanner.match.exchange.rows import Header, Read, View, parsed_header, read_view

_ROWS_AT_ONCE = 1024
_KEY = b"cardscanner"


def write(file: Path, header: Header, views: Iterator[View]) -> None:
    """Write the file; it appears whole or not at all."""
    pa, pq = _pyarrow(file)
    schema = pa.schema(
        {
            "card_id": pa.string(), "name": pa.string(), "artwork": pa.int64(), "image": pa.string(),
            "metadata": pa.string(), "vector": pa.list_(pa.float32(), header.dim), "look": pa.binary(),
        },
        metadata={_KEY: header.model_dump_json().encode()},
    )  # fmt: skip
    with replacing(file) as temporary, pq.ParquetWriter(temporary, schema) as out:
        while some := list(islice(views, _ROWS_AT_ONCE)):
            flat = np.concatenate([each.vector for each in some]).astype(np.float32)
            columns = [
                [each.card_id for each in some],
                [each.name for each in some],
                [each.artwork for each in some],
                [each.image for each in some],
                [json.dumps(each.metadata, ensure_ascii=False) for each in some],
                pa.FixedSizeListArray.from_arrays(pa.array(flat), header.dim),
                [each.look for each in some],
            ]
            out.write_batch(pa.record_batch(columns, schema=schema))


def read(file: Path) -> Read:
    """Return the header, and the rows one by one."""
    pa, pq = _pyarrow(file)
    try:
        opened = pq.ParquetFile(file)
        header = parsed_header(file, json.loads((opened.schema_arrow.metadata or {}).get(_KEY, b"{}")))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{file}: no database that was exported by us: {error}") from error
    return header, _views(file, header, opened, pa)


def _views(file: Path, header: Header, opened: Any, pa: Any) -> Iterator[View]:
    row = 0
    try:
        for batch in opened.iter_batches(_ROWS_AT_ONCE):
            vectors = batch.column("vector")
            columns = {
                name: batch.column(name).to_pylist() for name in ("card_id", "name", "artwork", "image")
            }
            if "look" in batch.schema.names:
                columns["look"] = batch.column("look").to_pylist()
            notes = batch.column("metadata").to_pylist()
            for number in range(len(batch)):
                fields = {name: values[number] for name, values in columns.items()}
                vector = np.asarray(vectors[number].values, dtype=np.float32)
                read_fields = {**fields, "metadata": json.loads(notes[number]), "vector": vector}
                yield read_view(f"row {row}", read_fields, header.dtype)
                row += 1
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{file}, row {row}: {error}") from error
    finally:
        opened.close()


def _pyarrow(file: Path) -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(f"{file}: Parquet needs pyarrow: pip install 'cardscanner[parquet]'") from None
    return pa, pq
