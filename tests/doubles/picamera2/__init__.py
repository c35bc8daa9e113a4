"""A double of picamera2 0.3: what Cardscanner uses of it, with the behaviours that bite.

It is steered by the JSON file named in ``PICAMERA2_DOUBLE``, because the camera lives in another process. The
file is looked at again for every frame:

* ``camera``: ``present``, ``absent`` (``Picamera2()`` raises IndexError), ``busy`` (RuntimeError);
* ``stream``: ``live``, ``frozen`` (frames come, bit for bit the same), ``black``, ``unplugged`` (no frame ever
  again from this object, and its ``stop()`` never returns: picamera2#1065), ``failing`` (RuntimeError),
  ``flashing`` (each picture has one grey value, another one than the picture before);
* ``stop``: ``returns``, ``hangs``;
* ``start``: ``returns``, ``hangs``;
* ``focus``: ``motor``, ``fixed`` (no AfMode and LensPosition);
* ``scene``: a ``.npy`` file, (H, W, 3) RGB, shown instead of three bars of red, green and blue;
* ``prints``: words that the library prints on standard output when the camera is opened;
* ``log``: a file to which every call is appended, one JSON list a line.
"""

from picamera2.camera import Picamera2

__all__ = ["Picamera2"]
