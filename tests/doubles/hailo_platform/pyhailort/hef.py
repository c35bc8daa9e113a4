"""HEF: the parsed file; needs no device."""

from __future__ import annotations

from typing import Any

from hailo_platform.pyhailort import hef_file
from hailo_platform.pyhailort._pyhailort import check
from hailo_platform.pyhailort.exceptions import wrapped
from hailo_platform.pyhailort.infos import NetworkGroupInfo, VStreamInfo, input_info, output_info

_NOT_FOUND = 61


class HEF:
    def __init__(self, hef_source: Any) -> None:
        with wrapped():
            if isinstance(hef_source, str):
                self._content = hef_file.read(hef_source)
            elif isinstance(hef_source, bytes):
                self._content = hef_file.parse(hef_source)
            else:
                raise ValueError("HEF can only be created from a file path (str) or a buffer (bytes)")
        self._path = hef_source if isinstance(hef_source, str) else None

    @property
    def path(self) -> str | None:
        return self._path

    def get_network_group_names(self) -> list[str]:
        return [self._content.header.name]

    def get_network_groups_infos(self) -> list[NetworkGroupInfo]:
        return [NetworkGroupInfo(self._content.header.name, self._content.header.multi_context)]

    def get_input_vstream_infos(self, name: str | None = None) -> list[VStreamInfo]:
        """Not wrapped in the real package: an unknown name raises the raw exception."""
        self._find(name)
        return [input_info(self._content.header)]

    def get_output_vstream_infos(self, name: str | None = None) -> list[VStreamInfo]:
        self._find(name)
        return [output_info(self._content.header)]

    def get_vstream_name_from_original_name(self, original_name: str) -> str:
        with wrapped():
            if original_name != "embedding":
                check(_NOT_FOUND)
        return output_info(self._content.header).name

    def _find(self, name: str | None) -> None:
        group = self._content.header.name
        if name not in {None, "", group, f"{group}/{group}"}:
            check(_NOT_FOUND)
