"""Every part of the box in words: how it is, and what to do when it is not well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cardscanner.capture.health import CameraReport
from cardscanner.config import Config
from cardscanner.publish import PublishStatus
from cardscanner.publish.payload_info import InfoPayload
from cardscanner.publish.payload_state import StatePayload
from cardscanner.reasons import reasons_of
from cardscanner.remedies import PARTS, PartName, Remedy, remedy_of

Condition = Literal["ok", "warning", "bad", "off"]


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the page's list."""

    part: PartName
    condition: Condition
    words: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the words come from, all of one moment."""

    config: Config
    state: StatePayload
    info: InfoPayload
    camera: CameraReport
    explanations: Mapping[str, str]
    """What was noticed, by reason, in the words of who noticed it."""
    way_out: PublishStatus


def parts_of(sources: Sources) -> list[Part]:
    """Return every part, each once, in the order of :data:`PARTS`."""
    hailo = sources.config.embedder.backend == "hailo"
    troubles = {reason: remedy_of(reason) for reason in reasons_of(sources.state, hailo=hailo)}
    usual = _usual(sources)
    found = []
    for name in PARTS:
        mine = {reason: each for reason, each in troubles.items() if each.part == name}
        found.append(_troubled(name, mine, sources) if mine else usual[name])
    return found


def _troubled(name: PartName, mine: Mapping[str, Remedy], sources: Sources) -> Part:
    """Say the worst of a part's troubles."""
    reason = min(mine, key=lambda each: (mine[each].condition != "bad", list(mine).index(each)))
    remedy = mine[reason]
    return Part(name, remedy.condition, _noticed(reason, sources) or remedy.words, remedy.fix)


def _noticed(reason: str, sources: Sources) -> str | None:
    if reason.startswith("camera_") and sources.camera.reason:
        return sources.camera.reason
    if reason in sources.explanations:
        return sources.explanations[reason]
    if reason in sources.way_out.reasons and len(sources.way_out.reasons) == 1:
        return sources.way_out.refusal
    return None


def _usual(sources: Sources) -> dict[PartName, Part]:
    """Say how each part is while nothing is wrong with it."""
    state, info = sources.state, sources.info
    return {
        "camera": _camera(sources.camera),
        "accelerator": _accelerator(sources),
        "model": Part("model", "ok", f"{info.model.name} {info.model.version}"),
        "database": Part("database", "ok", f"{info.db.name} {info.db.version}: {info.db.cards:,} cards"),
        "outbox": Part("outbox", "ok", _outbox(state)),
        "broker": _broker(sources),
        "disk": Part("disk", "ok", f"{state.disk.free_bytes / 1e9:.1f} GB free"),
        "clock": Part("clock", "ok", "Set from the network"),
        "power": Part("power", "ok", "Voltage and temperature are fine"),
    }


def _camera(camera: CameraReport) -> Part:
    match camera.state:
        case "ok":
            return Part("camera", "ok", f"{camera.fps:.1f} frames a second")
        case "ended":
            return Part("camera", "off", "The recording is over")
        case _:
            return Part("camera", "warning", "The camera is being opened", "Wait a moment.")


def _accelerator(sources: Sources) -> Part:
    if sources.config.embedder.backend != "hailo":
        return Part("accelerator", "off", "Not used: the processor does its work")
    warm = sources.state.npu.temp_c
    return Part("accelerator", "ok", "Hailo" if warm is None else f"Hailo, {warm:.0f} °C")


def _outbox(state: StatePayload) -> str:
    if not state.outbox.depth:
        return "Everything is sent"
    age_s = state.outbox.oldest_age_s or 0
    return f"{state.outbox.depth:,} messages wait, the oldest for {age_s / 60:.0f} minutes"


def _broker(sources: Sources) -> Part:
    publish, broker = sources.config.publish, sources.state.broker
    if publish.backend != "mqtt":
        return Part("broker", "off", "Not used: scans go to standard output")
    if broker is not None and broker.connected:
        return Part("broker", "ok", f"Connected to {publish.host}:{publish.port}")
    return Part("broker", "warning", f"Connecting to {publish.host}:{publish.port}", "Wait a moment.")
