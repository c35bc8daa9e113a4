"""VDevice: the claimed chip."""

from __future__ import annotations

import os
from typing import Any, Self

from hailo_platform.pyhailort import hef_file
from hailo_platform.pyhailort._pyhailort import HailoRTStatusException, VDeviceParams, check
from hailo_platform.pyhailort.device import Device
from hailo_platform.pyhailort.exceptions import HailoRTException, wrapped
from hailo_platform.pyhailort.infer_model import InferModel
from hailo_platform.pyhailort.statuses import spoken
from hailo_platform.world import next_of, world

_INVALID_ARGUMENT, _DRIVER_FAILED, _DRIVER_VERSION = 2, 36, 76


class _Chip:
    """The C++ object."""

    def __init__(self, params: VDeviceParams, device_ids: list[str]) -> None:
        world.look()
        check(next_of(world.opens))
        if set(device_ids) - set(world.chips):
            check(_INVALID_ARGUMENT)
        if not world.permitted:
            check(_DRIVER_FAILED)
        if world.driver_version not in {None, world.version}:
            check(_DRIVER_VERSION)
        check(world.claim(params.group_id))
        self.device_ids = list(world.chips)[:1]
        self.architecture = world.chips[self.device_ids[0]]
        self.scheduled = bool(params.scheduling_algorithm)
        self.engines = 0
        world.events.append("chip claimed")

    def release(self) -> None:
        assert self.engines == 0, "the VDevice goes while a configured model lives: undefined on a real chip"
        world.release()
        world.events.append("chip released")
        if status := next_of(world.releases):
            raise HailoRTStatusException(str(spoken(status)))


class VDevice:
    def __init__(self, params: VDeviceParams | None = None, *, device_ids: list[str] | None = None) -> None:
        self._vdevice: Any = None  # first, because __del__ runs even if the rest fails
        self._creation_pid = os.getpid()
        with wrapped():
            self._vdevice = _Chip(params or VDevice.create_params(), device_ids or [])

    @staticmethod
    def create_params() -> VDeviceParams:
        return VDeviceParams.default()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> bool:
        self.release()
        return False

    def __del__(self) -> None:
        self.release()

    def release(self) -> None:
        """Not wrapped in the real package: a refusal is a raw exception."""
        vdevice, self._vdevice = self._vdevice, None
        if vdevice is not None:
            vdevice.release()

    def get_physical_devices_ids(self) -> list[str]:
        return list(self._vdevice.device_ids)

    def get_physical_devices(self) -> list[Device]:
        return [Device(each) for each in self.get_physical_devices_ids()]

    def create_infer_model(self, hef_source: str | bytes, name: str = "") -> InferModel:
        """Does not look at the chip yet: a HEF for another one passes."""
        if os.getpid() != self._creation_pid:
            raise HailoRTException("InferModel can be created only from the process VDevice was created in.")
        with wrapped():
            assert self._vdevice.device_ids
            content = (
                hef_file.parse(hef_source) if isinstance(hef_source, bytes) else hef_file.read(hef_source)
            )
        return InferModel(content, self._vdevice, hef_source)
