"""The demo's table: one line for each event."""

from __future__ import annotations

from typing import Any

from cardscanner.demo.judge import Heard, Mark

HEAD = f"{'film':>7}  {'event':9}  {'card':14} {'name':20} {'score':>6} {'margin':>6} {'frames':>6}  truth"

_SIGNS: dict[Mark, str] = {"correct": "right", "wrong": "WRONG", "duplicate": "TWICE", "false": "FALSE"}


def line_of(heard: Heard, mark: Mark) -> str:
    """Return the table line of an event."""
    payload = heard.payload
    best: dict[str, Any] = (payload["candidates"] or [{"card_id": "-", "name": "-"}])[0]
    return (
        f"{heard.at_s:6.1f}s  {payload['event_type']:9}  {best['card_id']:14} {best['name'][:20]:20} "
        f"{payload['score']:6.3f} {payload['margin']:6.3f} {payload['frames']:6d}  {_SIGNS[mark]}"
    )
