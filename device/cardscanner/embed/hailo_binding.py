"""The one place that imports HailoRT's Python package, and says what is wrong when it cannot be used.

The package comes with the operating system (``apt install hailo-all``), needs neither chip nor driver to be
imported, and must have the version of library, driver and firmware.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import Any

from cardscanner.errors import EmbedderDead, NpuTrouble

OLDEST, NEWEST = (4, 20), (4, 23)
"""The InferModel API that we use is the same in these versions; 5.x is for other chips."""

SAME_VERSIONS = (
    "driver, library, Python package and firmware must have one version: "
    "run `sudo apt install --reinstall hailo-all && sudo reboot`, then "
    "`sudo apt-mark hold hailort hailo-dkms python3-hailort hailofw` so that updates do not split them again"
)


@dataclass(frozen=True, slots=True)
class Binding:
    """HailoRT as it is installed here."""

    platform: Any
    """The module ``hailo_platform``."""
    version: str
    errors: tuple[type[Exception], ...]
    """Everything it raises on purpose: its families share no base class but ``Exception``."""


def load_binding() -> Binding:
    """Import HailoRT.

    Raises
    ------
    EmbedderDead
        It is not installed, not for this Python, incomplete, or of a version that we do not know.
    """
    # Without this the library writes hailort.log into whatever folder is the current one.
    os.environ.setdefault("HAILORT_LOGGER_PATH", _log_folder())
    try:
        import hailo_platform
        from hailo_platform.pyhailort import _pyhailort, pyhailort
    except ImportError as error:
        raise EmbedderDead(_why_not(error), _trouble_of(error)) from error
    version = str(hailo_platform.__version__)
    _check_version(version)
    families = (
        pyhailort.HailoRTException,
        pyhailort.HailoStatusInvalidValueException,
        _pyhailort.HailoRTException,
        _pyhailort.HailoRTCustomException,
        _pyhailort.HailoRTStatusException,
    )
    return Binding(hailo_platform, version, families)


def release_of(version: str) -> tuple[int, ...]:
    """Return the numbers of a version such as ``4.23.0``."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _log_folder() -> str:
    """Where systemd lets the service write; elsewhere no file, because errors go to standard error anyway."""
    for variable in ("LOGS_DIRECTORY", "STATE_DIRECTORY"):
        if folder := os.environ.get(variable, "").split(":")[0]:
            return folder
    return "NONE"


def _check_version(version: str) -> None:
    if OLDEST <= release_of(version)[:2] <= NEWEST:
        return
    raise EmbedderDead(
        f"HailoRT {version} is installed, but Cardscanner works with {OLDEST[0]}.{OLDEST[1]} to "
        f"{NEWEST[0]}.{NEWEST[1]}: `sudo apt install hailo-all` gives the packages for Hailo-8 and Hailo-8L "
        "(hailo-h10-all, version 5, is for the Hailo-10H and has to be removed first)",
        "mismatch",
    )


def _trouble_of(error: ImportError) -> NpuTrouble:
    return "mismatch" if "libhailort" in str(error) or "does not match" in str(error) else "absent"


def _why_not(error: ImportError) -> str:
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    if isinstance(error, ModuleNotFoundError) and error.name == "hailo_platform":
        return (
            f"HailoRT's Python package is not installed for {sys.executable}: "
            "run `sudo apt install hailo-all`; it lands in the system's Python, so a venv needs "
            "`python3 -m venv --system-site-packages`"
        )
    if isinstance(error, ModuleNotFoundError) and (error.name or "").endswith("_pyhailort"):
        return (
            f"HailoRT's Python package holds no compiled part for {python}: use the Python that "
            "the package was built for (the system's python3) or reinstall python3-hailort"
        )
    if "libhailort" in str(error):
        return f"HailoRT's library does not fit its Python package ({error}): {SAME_VERSIONS}"
    if "does not match" in str(error):
        return f"HailoRT's Python package is mixed from two versions ({error}): {SAME_VERSIONS}"
    return (
        f"HailoRT's Python package cannot be imported into {python} ({error}): install what it misses, "
        "or run `sudo apt install --reinstall python3-hailort`"
    )
