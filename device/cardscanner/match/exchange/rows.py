"""What every format of an exported database says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cardscanner.errors import InputError
from cardscanner.manifest import AcceptRule
from cardscanner.match.unit_vectors import Precision, Stored


class Header(BaseModel):
    """What a file says about all of its cards."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    cardscanner_database: int = Field(ge=1, le=1, description="version of this format")
    name: str
    version: str
    space: str
    model: str
    model_sha256: str
    dim: int = Field(ge=8)
    dtype: Precision
    rows: int = Field(ge=1)
    accept: AcceptRule
    created: str


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One row: a view of a card, and where the file says so (for messages)."""

    place: str
    card_id: str
    name: str
    artwork: int
    image: str
    metadata: dict[str, str]
    vector: Stored
    """(D,)"""
    look: bytes | None = None
    """What is stored for second looks, see :meth:`verify.stored.Entry.packed`; ``None`` without them."""


Read = tuple[Header, Iterator[View]]


def parsed_header(file: Path, document: Any) -> Header:
    """Return the header; :class:`InputError` when it is none of ours."""
    try:
        return Header.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the header"
        raise InputError(f"{file}: no database that was exported by us: {key}: {first['msg']}") from None


def read_view(place: str, fields: Mapping[str, Any], dtype: Precision) -> View:
    """Return a row of a file.

    Raises
    ------
    KeyError, TypeError, ValueError
        A field is missing or not what it should be.
    """
    metadata = fields["metadata"]
    if not isinstance(metadata, dict):
        raise TypeError("metadata is no object")
    with np.errstate(over="ignore"):
        vector: Stored = np.asarray(fields["vector"], dtype=dtype)
    return View(
        place,
        str(fields["card_id"]),
        str(fields["name"]),
        int(fields["artwork"]),
        str(fields["image"]),
        {str(key): str(value) for key, value in metadata.items()},
        vector,
        None if fields.get("look") is None else bytes(fields["look"]),
    )
