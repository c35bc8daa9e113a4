"""``cardscanner check``: the configuration, and every part that it names, tried for real."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cardscanner.capture.probe import probe_camera
from cardscanner.commands.options import add_config, new_parser, usual
from cardscanner.config import Config
from cardscanner.configfile import load_config
from cardscanner.embed import load_embedder
from cardscanner.errors import CardscannerError, ConfigError, OutboxFault
from cardscanner.manifest import agree, load_model_manifest
from cardscanner.match import load_index, meant_backend, open_database
from cardscanner.publish import Outbox
from cardscanner.publish.clock import clock_synced
from cardscanner.publish.outbox_check import is_in_use

if TYPE_CHECKING:
    from cardscanner.commands.options import Subparsers

EXAMPLES = """\
  cardscanner check --config cardscanner.yaml
  cardscanner check --only-config --config new.yaml      before it takes the place of the old one
  cardscanner check --json | jq '.[] | select(.ok | not)'

Each part is opened and used: the camera gives a frame, the network runs, the broker accepts us. What
only one process at a time can have (camera, Hailo chip, outbox) is left alone while the scanner of this
configuration is running; stop it to have them tried too. The JSON is [{"part", "ok", "detail"}, ...]."""

CODES = {
    **usual(78, 130),
    0: "every line is ok",
    1: "a line is not; it says what to do",
}

LOW_DISK_BYTES = 200 * 2**20
RUNNING = "not tried: the scanner is running and has it; its state topic says how it is"


@dataclass(frozen=True, slots=True)
class Line:
    """One part, how it is, and what to do when it is not well."""

    part: str
    ok: bool
    detail: str


def add_parser(commands: Subparsers) -> None:
    """Describe the command."""
    parser = new_parser(commands, "check", "try the configuration and every part it names", EXAMPLES, CODES)
    add_config(parser)
    parser.add_argument("--only-config", action="store_true", help="read the configuration, try no part")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> int:
    """Try everything, even after a failure; exit 0 only if all is well."""
    lines: list[Line] = []
    for line in islice(_lines(arguments.config), 1 if arguments.only_config else None):
        lines.append(line)
        if not arguments.json:
            _show(line)
    if arguments.json:
        print(json.dumps([asdict(line) for line in lines]))
    if not lines[0].ok:
        return ConfigError.exit_code
    return 0 if all(line.ok for line in lines) else 1


def _lines(path: Path) -> Iterator[Line]:
    """The configuration first; with mistakes in it, there are no parts to be tried."""
    try:
        config = load_config(path)
    except ConfigError as error:
        yield Line("config", False, str(error))
        return
    yield Line("config", True, f"{path} is valid, device {config.device_id}")
    yield from check_parts(config)


def check_parts(config: Config) -> Iterator[Line]:
    """Try each part on its own."""
    tries: dict[str, Callable[[Config], str]] = {
        "camera": _camera,
        **({"npu": _npu} if config.embedder.backend == "hailo" else {}),
        "model": _model,
        "database": _database,
        "broker": _broker,
        "outbox": _outbox,
        "disk": _disk,
        "clock": _clock,
    }
    held = _held(config) if is_in_use(config.outbox.path) else set()
    for part, attempt in tries.items():
        try:
            yield Line(part, True, RUNNING if part in held else attempt(config))
        except CardscannerError as error:
            yield Line(part, False, str(error))


def _held(config: Config) -> set[str]:
    """Parts that one process at a time can have, which is now the daemon."""
    held = {"outbox"}
    if config.camera.backend != "replay":
        held.add("camera")
    if config.embedder.backend == "hailo":
        held |= {"npu", "model"}
    return held


def _show(line: Line) -> None:
    detail = line.detail.replace("\n", "\n" + 16 * " ")
    print(f"{'ok  ' if line.ok else 'FAIL'}  {line.part:9} {detail}", flush=True)


def _camera(config: Config) -> str:
    found = probe_camera(config.camera)
    return (
        f"{found.backend} {found.camera}: {found.width} x {found.height} after {found.first_frame_ms:.0f} ms"
    )


def _model(config: Config) -> str:
    with closing(load_embedder(config.embedder)) as embedder:
        info = embedder.info
        embedder.embed(np.zeros((1, info.height, info.width, 3), np.uint8))
    size = f"{info.width} x {info.height} -> {info.dim}"
    return f"{info.name} ({config.embedder.backend}): {size}, space {info.space}"


def _npu(_config: Config) -> str:
    from cardscanner.embed.hailo_chip import probe_hailo

    probe = probe_hailo()
    if not probe.firmware_agrees:
        raise CardscannerError(
            f"firmware {probe.firmware_version} and HailoRT {probe.binding_version} differ: "
            "sudo apt install --reinstall hailo-all, then switch the Pi off and on"
        )
    return f"{probe.architecture} at {probe.device_id}, HailoRT {probe.binding_version}"


def _database(config: Config) -> str:
    model = load_model_manifest(config.embedder.model)
    with closing(open_database(config.index.database)) as database:
        manifest = database.manifest
        agree(model, manifest)
        load_index(config.index, database).close()
    backend = meant_backend(config.index, manifest)
    return f"{manifest.name} {manifest.version}: {manifest.cards} cards, searched by {backend}"


def _broker(config: Config) -> str:
    if config.publish.backend != "mqtt":
        return f"none: events go to {config.publish.backend}"
    from cardscanner.publish.credentials import check_files
    from cardscanner.publish.probe import probe_broker

    check_files(config.publish)
    probe_broker(config.publish)
    return f"{config.publish.host}:{config.publish.port} accepts us, MQTT {config.publish.protocol}"


def _outbox(config: Config) -> str:
    with closing(Outbox.open(config.outbox)) as outbox:
        if outbox.replaced:
            raise OutboxFault(
                f"{config.outbox.path} was damaged; it now lies at {outbox.replaced}: {outbox.damage}"
            )
        return f"{config.outbox.path}: {outbox.depth} scans wait"


def _disk(config: Config) -> str:
    free = _free_bytes(config.outbox.path.parent)
    if free < LOW_DISK_BYTES:
        raise CardscannerError(
            f"only {free / 2**20:.0f} MiB free beside {config.outbox.path}: make room, at least "
            f"{LOW_DISK_BYTES / 2**20:.0f} MiB"
        )
    return f"{free / 2**30:.1f} GiB free"


def _free_bytes(folder: Path) -> int:
    """Room where the folder is, or where it would be made."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free


def _clock(_config: Config) -> str:
    if not clock_synced():
        raise CardscannerError(
            "the clock is not synchronised: timedatectl set-ntp true, and check the network"
        )
    return "synchronised"
