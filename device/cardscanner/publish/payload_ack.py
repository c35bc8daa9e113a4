"""The payload of ``ack/<consumer>``: a consumer says how far it has everything."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from cardscanner.publish.payload import Payload


class AckPayload(Payload):
    """Topic ``ack/<consumer>``: every message of ``epoch`` up to and with ``seq`` is safe there."""

    model_config = ConfigDict(strict=True)

    epoch: str = Field(max_length=64)
    seq: int = Field(ge=0, lt=2**63)
