"""A crowd in a process of its own, so that what it costs is not counted among what is measured."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from cardscanner.errors import InputError
from cardscanner_tools.crowd.crowd import Count, Crowd

FILES_PER_BOX = 4
"""Of the crowd: a socket, paho's pair to wake itself, and a little to spare; the broker needs one."""
_FILES_BESIDE = 200
_ANSWERS_WITHIN_S = 60.0


def check_files(boxes: int) -> None:
    """Raise this process's limit of open files as far as it goes.

    Raises
    ------
    InputError
        It does not go far enough.
    """
    wanted = boxes * FILES_PER_BOX + _FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise InputError(
            f"{boxes} boxes need {wanted} open files and this shell allows {hard}: "
            f"`ulimit -Hn {wanted}` as root, or --boxes {max(1, (hard - _FILES_BESIDE) // FILES_PER_BOX)}"
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class CrowdProcess:
    """The other end of a crowd."""

    def __init__(self, pipe: Connection, pid: int) -> None:
        self.pid = pid
        self._pipe = pipe

    def ask(self, word: str, value: float = 0) -> Count:
        """Have it ``rate``, ``vanish``, ``freeze``, ``return`` or just ``count``; return its counts."""
        self._pipe.send((word, value))
        if not self._pipe.poll(_ANSWERS_WITHIN_S):
            raise TimeoutError(f"the crowd did not answer within {_ANSWERS_WITHIN_S:.0f} s")
        answer = self._pipe.recv()
        if not isinstance(answer, Count):
            raise TypeError(f"the crowd answered {answer!r}")
        return answer


@contextmanager
def running_crowd(port: int, boxes: int, scans_per_hour: float) -> Iterator[CrowdProcess]:
    """Have so many boxes on a broker of this machine while the block runs."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_run, args=(theirs, port, boxes, scans_per_hour), daemon=True)
    child.start()
    theirs.close()
    try:
        yield CrowdProcess(ours, child.pid or 0)
    finally:
        ours.close()
        child.join(20)
        if child.is_alive():
            child.kill()
            child.join(5)


def box_names(boxes: int) -> list[str]:
    """Return the ids of a crowd's boxes; the first ones vanish first."""
    return [f"box-{number:05}" for number in range(boxes)]


def _run(pipe: Connection, port: int, boxes: int, scans_per_hour: float) -> None:
    crowd = Crowd(port, box_names(boxes), scans_per_hour)
    try:
        while True:
            crowd.step()
            while pipe.poll():
                word, value = pipe.recv()
                _do(crowd, word, value)
                pipe.send(crowd.count())
    except (EOFError, OSError):  # whoever measures has ended
        return
    finally:
        crowd.close()


def _do(crowd: Crowd, word: str, value: float) -> None:
    match word:
        case "rate":
            crowd.rate(value)
        case "vanish":
            crowd.vanish(int(value))
        case "freeze":
            crowd.freeze(int(value))
        case "return":
            crowd.return_all()
        case "count":
            pass
        case _:
            raise ValueError(word)
