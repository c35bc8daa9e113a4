"""Deliberate errors: one class for each decision that a caller can take.

::

    CardscannerError
    ├── ConfigError          fix the configuration file; nothing was started      (exit 78)
    ├── ArtifactError        a model or database file is missing, damaged or of another kind
    │   └── Disagreement     model and database come from different embedding spaces
    ├── InputError           this one picture or table cannot be used; others may go on
    ├── CameraError
    │   ├── CameraLost       reopen it later; frames stop until then
    │   └── EndOfReplay      the recording is over; not a fault
    ├── FinderFailed         the corner network failed on a picture: end the process
    ├── EmbedderError
    │   ├── EmbedderTimeout  the accelerator did not answer in time: not a "no match"
    │   ├── EmbedderFailed   this call failed and the backend has recovered: try the next frame
    │   ├── EmbedderAway     the accelerator is being brought back: frames are skipped until then
    │   └── EmbedderDead     it cannot be used: end the command
    ├── IndexFault           the index answers differently from an exact search
    ├── IndexAway            the index's server does not answer: not a "no match", try the next frame
    ├── UpdateRefused        a release is not put in place; its ``code`` says of what kind the reason is
    ├── SourceAway           where releases come from does not answer: try again later
    ├── HistoryFault         the history on disk cannot be read or written just now: scanning goes on
    ├── CommandRefused       a command over MQTT is not carried out; its ``code`` goes into the answer
    └── PublishError
        ├── BrokerRefused    wrong password, not allowed, bad certificate: a person has to act
        └── OutboxFault      the scan could not be stored: it does not count as done
            ├── OutboxFull   the outbox reached its cap: scans are refused until it drains
            └── OutboxBusy   another process has the outbox: most likely the daemon is running

Each message says what was wrong, where, and what to do.
"""

from __future__ import annotations

from typing import Literal

NpuTrouble = Literal["hung", "absent", "mismatch"]
"""What keeps an accelerator from working: it does not answer; it is not there, or not for us; its driver,
library and firmware do not belong together."""

RefusalCode = Literal["bad_request", "busy", "not_found", "not_available", "failed"]


UpdateCode = Literal[
    "bad_key",
    "bad_signature",
    "unknown_key",
    "bad_document",
    "old_index",
    "expired",
    "not_found",
    "older",
    "known_bad",
    "does_not_fit",
    "truncated",
    "wrong_sha256",
    "no_space",
    "changed_here",
    "self_test",
    "busy",
    "not_set_up",
]


class CardscannerError(Exception):
    """Base of every error that we raise on purpose."""

    exit_code = 1


class ConfigError(CardscannerError):
    """The configuration cannot be used; the message names file, line, key and what is allowed."""

    exit_code = 78


class ArtifactError(CardscannerError):
    """A model or database file is missing, damaged, or not what its manifest says."""

    exit_code = 65


class Disagreement(ArtifactError):
    """Model and database do not share one embedding space."""


class InputError(CardscannerError):
    """One picture or table cannot be used."""


class CameraError(CardscannerError):
    """Base of what a frame source raises."""


class CameraLost(CameraError):
    """No frames come, or always the same one (``frozen``); close the source and open it again later."""

    def __init__(self, message: str, *, frozen: bool = False) -> None:
        super().__init__(message)
        self.frozen = frozen


class EndOfReplay(CameraError):
    """The recording has been played to its end."""


class FinderFailed(CardscannerError):
    """The corner network failed; nothing is known about the picture."""


class EmbedderError(CardscannerError):
    """Base of what an embedder raises."""


class EmbedderTimeout(EmbedderError):
    """The accelerator did not answer in time; nothing is known about the frame."""


class EmbedderFailed(EmbedderError):
    """The call failed; the backend is usable again."""


class EmbedderAway(EmbedderError):
    """The accelerator is being brought back; nothing is known about the frame."""


class EmbedderDead(EmbedderError):
    """The accelerator cannot be used."""

    def __init__(self, message: str, trouble: NpuTrouble = "absent") -> None:
        super().__init__(message)
        self.trouble: NpuTrouble = trouble


class IndexFault(CardscannerError):
    """The index returns other neighbours than an exact search over the same vectors."""


class IndexAway(CardscannerError):
    """The server that searches did not answer, or not in time; nothing is known about the frame."""


class HistoryFault(CardscannerError):
    """What was scanned cannot be read from the disk, or not written to it, just now."""


class UpdateRefused(CardscannerError):
    """A release is not put in place, or was taken back; what is in use was not touched."""

    exit_code = 65

    def __init__(self, code: UpdateCode, message: str) -> None:
        super().__init__(message)
        self.code: UpdateCode = code


class SourceAway(CardscannerError):
    """The place that releases come from cannot be reached, or breaks off again and again."""


class CommandRefused(CardscannerError):
    """A command is not carried out; ``code`` is one of those in the contract."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code


class PublishError(CardscannerError):
    """Base of what the way out raises."""


class BrokerRefused(PublishError):
    """The broker answered and said no."""


class OutboxFault(PublishError):
    """The outbox on disk cannot store or read a row."""


class OutboxFull(OutboxFault):
    """The outbox reached its cap in bytes or rows."""


class OutboxBusy(OutboxFault):
    """Another process has the outbox open."""
