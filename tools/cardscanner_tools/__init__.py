"""The workshop behind :mod:`cardscanner`."""

import cardscanner as _device  # noqa: F401 - before any tool imports ONNX Runtime: its telemetry stays off
