"""Bindings: the buffers of one request."""

from __future__ import annotations

from typing import Any

import numpy as np

from hailo_platform.pyhailort._pyhailort import check
from hailo_platform.pyhailort.exceptions import HailoRTException, wrapped
from hailo_platform.world import world

_NOT_FOUND = 61


class Bindings:
    class InferStream:
        """One edge of a request; nothing about a buffer is checked here but where its bytes lie."""

        def __init__(self) -> None:
            self._buffer: Any = None
            self.nbytes = 0

        def set_buffer(self, buffer: Any) -> None:
            if not buffer.flags.c_contiguous:
                raise HailoRTException("Buffer must be C_CONTIGUOUS")
            if not buffer.flags.writeable:
                raise ValueError("array is not writeable")
            self.nbytes = 0 if world.numpy2 else buffer.nbytes
            self._buffer = buffer

        def get_buffer(self, tf_format: bool | None = False) -> np.ndarray:
            return self._buffer

    def __init__(self, input_names: list[str], output_names: list[str]) -> None:
        self._inputs = {name: self.InferStream() for name in input_names}
        self._outputs = {name: self.InferStream() for name in output_names}

    def input(self, name: str = "") -> InferStream:
        return _edge(self._inputs, name)

    def output(self, name: str = "") -> InferStream:
        return _edge(self._outputs, name)


def _edge(edges: dict[str, Bindings.InferStream], name: str) -> Bindings.InferStream:
    if name == "" and len(edges) == 1:
        return next(iter(edges.values()))
    with wrapped():
        if name not in edges:
            check(_NOT_FOUND)
    return edges[name]
