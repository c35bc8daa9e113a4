"""A double of libcamera's Python binding: the enumerations that a configuration can name."""

from libcamera import controls

__all__ = ["controls"]
