"""What a person can do about each trouble, once for everybody who tells of it: page, health, reports.

A reason is the short name in ``state.reasons``; what exactly happened is said by who noticed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

PartName = Literal["camera", "accelerator", "model", "database", "outbox", "broker", "disk", "clock", "power"]
PARTS: tuple[PartName, ...] = (
    "camera", "accelerator", "model", "database", "outbox", "broker", "disk", "clock", "power",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remedy:
    """One trouble: which part has it, how bad it is, what it is, what to do."""

    part: PartName
    condition: Literal["warning", "bad"]
    words: str
    fix: str


_BROKER_RULES = "Change the access rules of the broker for this device's user; nothing is lost meanwhile."
_DISK = (
    "Free space on the disk or put in a larger card; if there is space, the card is worn or read-only: "
    "see `dmesg`, and replace it."
)
_CABLE = (
    "Switch the box off, press the camera's cable in on both ends, contacts facing the right way, and switch "
    "it on again; `rpicam-hello --list-cameras` must name the camera."
)
_HAILO = (
    "`hailortcli fw-control identify` must name the chip. If not: switch the box off and check how the "
    "accelerator sits; `dmesg | grep hailo` tells more."
)

REMEDIES: Mapping[str, Remedy] = {
    "camera_lost": Remedy("camera", "bad", "No frames come from the camera.", _CABLE),
    "camera_frozen": Remedy(
        "camera",
        "bad",
        "The camera sends the same frame over and over.",
        f"It is restarted by itself. {_CABLE}",
    ),
    "camera_black": Remedy(
        "camera", "bad", "The camera's picture is black.", "Take the cap off the lens and put the light on."
    ),
    "npu": Remedy(
        "accelerator", "bad", "The accelerator does not answer.", f"It is restarted by itself. {_HAILO}"
    ),
    "npu_hung": Remedy(
        "accelerator",
        "bad",
        "A call of the accelerator did not return.",
        f"It is restarted by itself. {_HAILO}",
    ),
    "npu_absent": Remedy("accelerator", "bad", "There is no accelerator.", _HAILO),
    "npu_mismatch": Remedy(
        "accelerator",
        "bad",
        "Driver, library and firmware of the accelerator are of different versions.",
        "Install one version of all of them (`sudo apt install --reinstall hailo-all`), then reboot.",
    ),
    "npu_hot": Remedy(
        "accelerator", "warning", "The accelerator is hot and may slow down.", "Give it a fan or more air."
    ),
    "index": Remedy(
        "database",
        "bad",
        "The server that searches the cards does not answer.",
        "Start it, and check index.qdrant.url and the network; scanning goes on by itself.",
    ),
    "outbox_full": Remedy(
        "outbox",
        "bad",
        "The outbox is full: scanning waits until messages leave it.",
        "Bring the broker back, or raise outbox.max_bytes and outbox.max_rows.",
    ),
    "outbox_fault": Remedy("outbox", "bad", "The outbox cannot be read or written.", _DISK),
    "outbox_read_fault": Remedy("outbox", "bad", "The outbox cannot be read.", _DISK),
    "outbox_write_fault": Remedy("outbox", "bad", "What was delivered cannot be noted.", _DISK),
    "disk": Remedy("disk", "bad", "Scans cannot be stored: they wait in memory.", _DISK),
    "disk_low": Remedy("disk", "warning", "The disk is nearly full: no more photos are kept.", _DISK),
    "history": Remedy("disk", "warning", "The history cannot be written; scanning and sending go on.", _DISK),
    "page": Remedy(
        "outbox",
        "warning",
        "The page cannot be served; scanning and sending go on.",
        "End the other program that has this port, or change web.port and web.host.",
    ),
    "stdout_closed": Remedy(
        "broker", "bad", "Nobody reads the standard output.", "Start again with a reader, or with a broker."
    ),
    "mqtt_unreachable": Remedy(
        "broker",
        "bad",
        "The broker cannot be reached; scans wait on the disk.",
        "Check that the broker runs, publish.host and publish.port, and the network.",
    ),
    "mqtt_refused": Remedy(
        "broker",
        "bad",
        "The broker refuses us; scans wait on the disk.",
        "Check publish.username and its password, and the certificates of publish.tls.",
    ),
    "mqtt_taken_over": Remedy(
        "broker",
        "bad",
        "Another client has the same id and takes our connection.",
        "Give each box its own device_id, and look for a second scanner with this one.",
    ),
    "mqtt_denied": Remedy("broker", "bad", "The broker does not let us publish.", _BROKER_RULES),
    "mqtt_deaf": Remedy("broker", "warning", "The broker does not let us hear commands.", _BROKER_RULES),
    "mqtt_unheard": Remedy(
        "broker",
        "warning",
        "Nobody listens: messages are kept.",
        "Start a subscriber, or set publish.unheard to accept.",
    ),
    "mqtt_quota": Remedy("broker", "bad", "The broker's quota for us is used up.", "Raise it at the broker."),
    "mqtt_rejected": Remedy(
        "broker", "bad", "The broker rejects messages; they are kept.", "See the broker's log for the reason."
    ),
    "disk_almost_full": Remedy("disk", "warning", "Little space is left on the disk.", _DISK),
    "disk_full": Remedy("disk", "bad", "The disk is as good as full.", _DISK),
    "clock_unset": Remedy(
        "clock",
        "warning",
        "The clock has not been set since the start: times are marked as unsynced.",
        "Connect the box to a network with a time server; `timedatectl` shows how it is.",
    ),
    "power_low": Remedy(
        "power",
        "bad",
        "The supply voltage is too low: the box slows down and may crash.",
        "Use the official 27 W supply and its own cable, and take other USB devices off.",
    ),
    "power_was_low": Remedy(
        "power",
        "warning",
        "The supply voltage was too low since the start.",
        "Use the official 27 W supply and its own cable.",
    ),
    "power_hot": Remedy(
        "power", "warning", "The processor is hot and runs slower.", "Give the box a fan or more air."
    ),
    "starting": Remedy(
        "model",
        "warning",
        "Model and database are being opened.",
        "Wait a moment; the log says what takes long.",
    ),
    "unknown": Remedy("model", "bad", "Something is wrong that has no words yet.", "See the log."),
}


def remedy_of(reason: str) -> Remedy:
    """Return what is known about a reason; one that is not listed is no reason to say nothing."""
    known = REMEDIES.get(reason)
    if known is not None:
        return known
    unknown = REMEDIES["unknown"]
    return Remedy(unknown.part, unknown.condition, f"{unknown.words[:-1]}: {reason}.", unknown.fix)
