"""How the box is just now, as the page shows it: the answer to ``/api/state``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cardscanner.errors import HistoryFault
from cardscanner.publish.status import complete_state
from cardscanner.web.entry_json import counts_json, session_json
from cardscanner.web.parts import Part, Sources, parts_of
from cardscanner.web.room import WebRoom

_ALWAYS_MOVING = ("ts", "uptime_s")


def present_state(room: WebRoom, hints: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Return the state, every part, and the session that is scanned into. It may wait for the disk."""
    sources = sources_of(room)
    state = sources.state
    return {
        "state": state.model_dump(mode="json"),
        "parts": [asdict(part) for part in parts_of(sources)],
        "scanning": state.scanning,
        "paused": room.vitals.paused,
        "hints": hints or [],
        **_session(room),
    }


def present_parts(room: WebRoom) -> list[Part]:
    """Return every part of the box."""
    return parts_of(sources_of(room))


def sources_of(room: WebRoom) -> Sources:
    """Gather what is known about the box."""
    way_out = room.control.way_out()
    return Sources(
        config=room.config,
        state=complete_state(room.control.facts, way_out),
        info=room.control.facts.info(),
        camera=room.camera.report(),
        explanations=room.vitals.explanations,
        way_out=way_out,
    )


def gist(document: dict[str, Any]) -> dict[str, Any]:
    """Return what is worth an event when it changes."""
    state = {key: value for key, value in document["state"].items() if key not in _ALWAYS_MOVING}
    return document | {"state": state}


def _session(room: WebRoom) -> dict[str, Any]:
    try:
        current = next(each for each in room.history.sessions() if each.current)
        counts = room.history.counts(current.id)
    except HistoryFault:  # a part says so
        return {"session": None, "counts": None}
    return {"session": session_json(current), "counts": counts_json(counts)}
