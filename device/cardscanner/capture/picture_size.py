"""What was asked of a camera against what came."""

from __future__ import annotations

from cardscanner.errors import CameraLost


def check_size(asked: tuple[int | None, int | None], came: tuple[int, int]) -> None:
    """Compare (width, height); ``None`` asks for nothing.

    Raises
    ------
    CameraLost
        They differ. Drivers take the nearest size they have and say nothing.
    """
    for key, wish, got in zip(("width", "height"), asked, came, strict=True):
        if wish is not None and wish != got:
            raise CameraLost(
                f"camera.{key}: {wish} was asked for, but the camera gives {came[0]} x {came[1]}; "
                "put a size there that it has"
            )
