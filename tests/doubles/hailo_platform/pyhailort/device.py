"""Device: the control channel to a chip, which does not claim it."""

from __future__ import annotations

from typing import Self

from hailo_platform.pyhailort._pyhailort import check
from hailo_platform.pyhailort.control import Control, Handle
from hailo_platform.pyhailort.exceptions import HailoRTException
from hailo_platform.world import next_of, world

_INVALID_ARGUMENT, _DRIVER_FAILED, _DRIVER_VERSION = 2, 36, 76


class Device:
    """Nothing in the constructor is wrapped in the real package: what fails is a raw exception."""

    @classmethod
    def scan(cls) -> list[str]:
        world.look()
        check(next_of(world.scans))
        return list(world.chips)

    def __init__(self, device_id: str | None = None) -> None:
        self._handle: Handle | None = None
        world.look()
        if device_id is None:
            found = Device.scan()
            if not found:
                raise HailoRTException("HailoRT device not found in the system")
            device_id = found[0]
        if device_id not in world.chips:
            check(_INVALID_ARGUMENT)
        if not world.permitted:
            check(_DRIVER_FAILED)
        if world.driver_version not in {None, world.version}:
            check(_DRIVER_VERSION)
        self._device_id = device_id
        self._handle = Handle(world.chips[device_id])
        self._control = Control(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> bool:
        self.release()
        return False

    def __del__(self) -> None:
        self.release()

    def release(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.valid = False
            world.events.append("control channel released")

    @property
    def device_id(self) -> str:
        return self._device_id

    @property
    def control(self) -> Control:
        return self._control
