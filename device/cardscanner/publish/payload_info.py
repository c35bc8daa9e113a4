"""The payload of ``info``: what the device is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cardscanner.config import DEVICE_ID
from cardscanner.publish.payload import ArtifactRef, DatabaseRef, Payload


class HailoVersions(Payload):
    """Versions around the accelerator; they must match each other."""

    runtime: str
    driver: str | None = None
    firmware: str | None = None


class ModelInfoPayload(ArtifactRef):
    """The model in use."""

    version: str


class DatabaseInfoPayload(DatabaseRef):
    """The database in use."""

    name: str
    cards: int = Field(ge=0)


class InfoPayload(Payload):
    """Topic ``info``: what the device is; never a secret."""

    v: Literal[1] = 1
    contract: Literal["1"] = "1"
    device: str = Field(pattern=DEVICE_ID)
    game: str
    serial: str | None
    hw: str
    os: str
    python: str
    daemon: str
    hailo: HailoVersions | None = None
    model: ModelInfoPayload
    db: DatabaseInfoPayload
    cameras: tuple[str, ...]
    topics: dict[str, str]
    config_schema: str | None = None
