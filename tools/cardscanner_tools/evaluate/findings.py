"""What a suite hands back: figures for the JSON, charts and pictures for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cardscanner.records import Picture

Shown = tuple[str, Sequence[Picture]]
"""A caption and the pictures beside each other."""


@dataclass(slots=True)
class Findings:
    """Filled by one suite."""

    name: str
    document: dict[str, Any] = field(default_factory=dict)
    tables: list[tuple[str, list[str], list[list[object]]]] = field(default_factory=list)
    """Heading, column names, rows."""
    charts: list[tuple[str, Picture]] = field(default_factory=list)
    galleries: list[tuple[str, list[Shown]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
