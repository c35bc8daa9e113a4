"""``selftest``: every part that can be tried while scanning goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from cardscanner.accelerator import REASONS
from cardscanner.capture.darkness import WHY_BLACK
from cardscanner.configfile import load_config
from cardscanner.control.room import ControlRoom
from cardscanner.errors import CardscannerError
from cardscanner.publish.clock import clock_synced
from cardscanner.publish.orders import AnyAnswer, Order, good
from cardscanner.publish.payload_answer import PartData, SelftestData
from cardscanner.reloading import check_parts

LOW_DISK_BYTES = 64 * 2**20


def selftest(room: ControlRoom, order: Order) -> AnyAnswer:
    """Try each part on its own; a part that fails is part of a good answer."""
    tries: dict[str, Callable[[ControlRoom], str]] = {
        "config": _config,
        "files": _files,
        "camera": _camera,
        "npu": _npu,
        "outbox": _outbox,
        "broker": _broker,
        "disk": _disk,
        "clock": _clock,
    }
    parts = tuple(_part(room, name, attempt) for name, attempt in tries.items())
    return good(order, SelftestData(passed=all(part.ok for part in parts), parts=parts))


def _part(room: ControlRoom, name: str, attempt: Callable[[ControlRoom], str]) -> PartData:
    try:
        return PartData(part=name, ok=True, detail=attempt(room))
    except (CardscannerError, OSError) as error:
        return PartData(part=name, ok=False, detail=str(error))


def _config(room: ControlRoom) -> str:
    load_config(room.config_path)
    return f"{room.config_path} can be read"


def _files(room: ControlRoom) -> str:
    check_parts(room.config)
    return "model and database are whole and belong together"


def _camera(room: ControlRoom) -> str:
    camera = room.facts.state().camera
    if camera.state == "black":
        raise CardscannerError(WHY_BLACK)
    if camera.state != "ok":
        raise CardscannerError(f"it is {camera.state}: check its cable; it is opened again and again")
    return f"{camera.fps} frames a second"


def _npu(room: ControlRoom) -> str:
    npu, explained = room.facts.state().npu, room.vitals.explanations
    if troubles := [explained[reason] for reason in REASONS.values() if reason in explained]:
        raise CardscannerError(f"it is {npu.state}: {troubles[0]}")
    return "none: the CPU does the work" if npu.state == "absent" else "it answers"


def _outbox(room: ControlRoom) -> str:
    backlog = room.outbox.backlog()
    troubles = {"disk", "outbox_full"} & set(room.vitals.reasons)
    if troubles:
        raise CardscannerError(f"scans cannot be stored: {', '.join(sorted(troubles))}")
    return f"{backlog.depth} messages wait"


def _broker(room: ControlRoom) -> str:
    status = room.way_out()
    if status.refusal is not None:
        raise CardscannerError(status.refusal)
    return f"{status.delivered} messages delivered since the start"


def _disk(room: ControlRoom) -> str:
    free = shutil.disk_usage(room.config.outbox.path.parent).free
    if free < LOW_DISK_BYTES:
        raise CardscannerError(
            f"only {free / 2**20:.0f} MiB free beside {room.config.outbox.path}: make room"
        )
    return f"{free / 2**30:.1f} GiB free"


def _clock(_room: ControlRoom) -> str:
    if not clock_synced():
        raise CardscannerError("it has not been set from the network: events say ts_source unsynced")
    return "set from the network"
