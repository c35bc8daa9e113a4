"""Words: what a message of a box says, read with care: anybody may have published it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import ValidationError

from cardscanner.config import DEVICE_ID
from cardscanner.publish.messages import Message
from cardscanner.publish.payload import Payload
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.publish.payload_state import StatePayload
from cardscanner.publish.payload_update import UpdatePayload
from cardscanner.publish.topics import EVERYBODY, ROOT

Kind = Literal["status", "state", "info", "update"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What is listened to. Not ``scan``: whoever subscribes to it hides from a box that nobody else does."""
LARGEST_BYTES = 64 * 1024
_MODELS: dict[str, type[Payload]] = {"state": StatePayload, "info": InfoPayload, "update": UpdatePayload}


@dataclass(frozen=True, slots=True)
class Word:
    """One message of one box."""

    device: str
    kind: Kind
    said: str | Payload | None
    """``online`` or ``offline``, or what the kind has; ``None``: it was emptied, or cannot be read."""
    unreadable: str | None = None
    """Why it cannot be read."""


def read_word(message: Message) -> Word | None:
    """Return what a message says, or ``None``: it comes from no box."""
    root, _, rest = message.topic.partition("/")
    device, _, name = rest.partition("/")
    kind = next((each for each in KINDS if each == name), None)
    if root != ROOT or kind is None or device == EVERYBODY or not re.fullmatch(DEVICE_ID, device):
        return None
    if not message.payload:
        return Word(device, kind, None)
    if len(message.payload) > LARGEST_BYTES:
        return Word(device, kind, None, f"it has {len(message.payload):,} bytes")
    if kind == "status":
        return _availability(device, message.payload)
    return _document(device, kind, message.payload)


def _availability(device: str, payload: bytes) -> Word:
    if payload in {b"online", b"offline"}:
        return Word(device, "status", payload.decode())
    return Word(device, "status", None, "it says neither online nor offline")


def _document(device: str, kind: Kind, payload: bytes) -> Word:
    try:
        said = _MODELS[kind].model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(each) for each in first["loc"]) or "payload"
        return Word(device, kind, None, f"{place}: {first['msg']}")
    except RecursionError:  # brackets in brackets in brackets
        return Word(device, kind, None, "payload: nested too deeply")
    if isinstance(said, InfoPayload) and said.device != device:
        return Word(device, kind, None, f"it is about the box {said.device}")
    return Word(device, kind, said)
