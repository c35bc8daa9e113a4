"""How the daemon and a process of its own talk: JSON lists, one in each datagram, over a socket pair.

Pictures and vectors do not travel here but through shared memory; who may touch it is what the messages say.
"""

from __future__ import annotations

import json
import socket

_LARGEST = 1 << 16


class HungUp(Exception):
    """The other side is gone; used only between these two processes."""


def say(link: socket.socket, *words: object) -> None:
    """Send one message; it is dropped when the other side has stopped listening and its queue is full.

    Raises
    ------
    HungUp
        Nobody is there. What the other side said before may still be waiting to be heard.
    """
    try:
        link.send(json.dumps(words).encode(), socket.MSG_DONTWAIT)
    except BlockingIOError:
        return
    except (BrokenPipeError, ConnectionResetError) as error:
        raise HungUp from error


def hear(link: socket.socket, timeout_s: float | None) -> list[object] | None:
    """Wait at most ``timeout_s`` for a message, ``None``: for ever; return ``None`` when none came.

    Raises
    ------
    HungUp
        The other side is gone and everything it said has been heard.
    """
    link.settimeout(None if timeout_s is None else max(timeout_s, 0.0))
    while True:
        try:
            message = link.recv(_LARGEST)
        except (TimeoutError, BlockingIOError):
            return None
        except ConnectionResetError:
            # The other side left without reading our last word; what it said itself is still in the queue.
            continue
        if not message:
            raise HungUp
        words: list[object] = json.loads(message)
        return words
