"""Inside the accelerator process: open the chip, embed what lies in the shared memory, say how it went.

What is logged here is said to the daemon, whose log it belongs to.
"""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import MutableMapping
from contextlib import closing, suppress
from typing import Any, NoReturn

import structlog

from cardscanner.config import HailoConfig
from cardscanner.embed.crop_memory import CropMemory
from cardscanner.embed.hailo import HailoEmbedder, open_hailo
from cardscanner.errors import ArtifactError, EmbedderDead, EmbedderFailed, EmbedderTimeout
from cardscanner.wire import HungUp, hear, say
from cardscanner.worker_process import serve

_CONFIG_WITHIN_S = 10.0


def main() -> None:
    """Serve until the daemon hangs up, or until the chip cannot be brought back from in here."""
    link, memory_fd = serve()
    structlog.configure(processors=[_Forward(link)])
    try:
        with closing(open_hailo(_receive_config(link))) as embedder, suppress(HungUp):
            memory = CropMemory(mmap.mmap(memory_fd, os.fstat(memory_fd).st_size), embedder.info)
            say(link, "open", dict(embedder.telemetry()))
            _answer(embedder, link, memory)
    except EmbedderDead as error:
        _leave(link, "dead", str(error), error.trouble)
    except ArtifactError as error:
        _leave(link, "artifact", str(error))


def _answer(embedder: HailoEmbedder, link: socket.socket, memory: CropMemory) -> NoReturn:
    while True:
        match hear(link, None):
            case ["embed", int(count)]:
                say(link, *_embedded(embedder, memory, count))
            case ["telemetry"]:
                say(link, "telemetry", dict(embedder.telemetry()))
            case other:
                raise EmbedderDead(f"the accelerator process does not understand {other}", "hung")


def _embedded(embedder: HailoEmbedder, memory: CropMemory, count: int) -> tuple[object, ...]:
    try:
        memory.vectors[:count] = embedder.embed(memory.crops[:count])
    except EmbedderTimeout as error:
        return "timeout", str(error)
    except EmbedderFailed as error:
        return "failed", str(error)
    return "done", count


def _receive_config(link: socket.socket) -> HailoConfig:
    words = hear(link, _CONFIG_WITHIN_S)
    if words is None:
        raise EmbedderDead("the accelerator process was started without a configuration", "hung")
    return HailoConfig.model_validate(words[0])


class _Forward:
    """Sends log lines to the daemon instead of writing them."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link

    def __call__(self, _logger: object, level: str, line: MutableMapping[str, Any]) -> NoReturn:
        event = str(line.pop("event"))
        with suppress(HungUp):
            say(self._link, "log", level, event, {key: str(value) for key, value in line.items()})
        raise structlog.DropEvent


def _leave(link: socket.socket, *words: object) -> NoReturn:
    with suppress(HungUp):
        say(link, *words)
    # Without the vendor's clean-up: a chip that hangs would keep it for ever; the kernel takes the chip back.
    os._exit(1)


if __name__ == "__main__":
    main()
