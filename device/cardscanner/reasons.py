"""What is wrong with a device: what its state names, and what the state's figures say."""

from __future__ import annotations

from cardscanner.publish.payload_state import StatePayload

_HOT_C = 90.0
_LITTLE_BYTES, _NOTHING_BYTES = 500 * 10**6, 50 * 10**6
_LOW_NOW, _CAPPED_NOW, _SLOW_NOW, _HOT_NOW, _WAS_LOW = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 16
"""Bits of the Raspberry Pi firmware's ``get_throttled``."""


def reasons_of(state: StatePayload, *, hailo: bool) -> list[str]:
    """Return short names, as in :mod:`cardscanner.remedies`; ``hailo``: there must be an accelerator."""
    reasons = list(state.reasons)
    if hailo and state.npu.state != "ok" and "npu" not in reasons and state.lifecycle != "starting":
        reasons.append(f"npu_{state.npu.state}")
    if state.npu.temp_c is not None and state.npu.temp_c >= _HOT_C:
        reasons.append("npu_hot")
    if state.disk.free_bytes < _LITTLE_BYTES:
        reasons.append("disk_full" if state.disk.free_bytes < _NOTHING_BYTES else "disk_almost_full")
    if not state.clock.synced:
        reasons.append("clock_unset")
    if state.lifecycle == "starting":
        reasons.append("starting")
    return reasons + _power(state.power.throttled)


def _power(throttled: int) -> list[str]:
    if throttled & _LOW_NOW:
        return ["power_low"]
    if throttled & (_CAPPED_NOW | _SLOW_NOW | _HOT_NOW):
        return ["power_hot"]
    return ["power_was_low"] if throttled & _WAS_LOW else []
