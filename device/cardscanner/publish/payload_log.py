"""The payload of ``log``: warnings and errors, for those who ask for them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from cardscanner.publish.payload import Payload


class LogPayload(Payload):
    """Topic ``log``: one line of the log; secrets are hidden in it as in the log itself."""

    v: Literal[1] = 1
    level: Literal["warning", "error", "critical"]
    event: str
    ts: str = Field(description="as the log has it")
    fields: dict[str, JsonValue] = Field(default={}, description="what the line says beside it")
    suppressed: int = Field(
        default=0, ge=0, description="lines left out since the last one, for their number"
    )
