"""A camera box that recognises trading cards and says so over MQTT."""

__version__ = "0.1.0"
