"""A camera box that recognises trading cards and says so over MQTT."""

import os

__version__ = "0.1.0"

# ONNX Runtime for Linux tells Microsoft since 1.29 what it runs, unless this stands in the environment
# before it is imported; its function `disable_telemetry_events` comes too late. It also keeps a growing
# file in the home folder.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
