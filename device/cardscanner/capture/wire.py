"""What the daemon and the camera process say to each other: JSON lists, one in each datagram.

Daemon to camera process: first the configuration, then ``["want"]`` for each frame it wants; hanging up asks
the process to close the camera and end.

Camera process to daemon: ``["open", width, height]`` once, then for a wanted frame either
``["frame", seq, captured_ns]`` or ``["same"]`` (a picture came that equals the one before it, bit for bit);
at the end perhaps ``["lost", why]`` or ``["config", why]``.

Pixels do not travel here but through one anonymous piece of shared memory that holds one frame. It has one
owner at a time: the camera process writes only between a "want" and its "frame", the daemon reads only
between that "frame" and its next "want". So no frame is ever seen half written, every frame is the next one
after the wish for it, and frames that nobody wanted show as gaps in ``seq``. The memory has no name, so that
the kernel frees it with the last of the two processes, however they end.
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


def hear(link: socket.socket, timeout_s: float) -> list[object] | None:
    """Wait at most ``timeout_s`` for a message; return ``None`` when none came.

    Raises
    ------
    HungUp
        The other side is gone and everything it said has been heard.
    """
    link.settimeout(max(timeout_s, 0.0))
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
