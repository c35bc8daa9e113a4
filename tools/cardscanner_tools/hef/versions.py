"""Which Dataflow Compiler makes files for which HailoRT.

The pairs are those of Hailo's model zoo (``docs/CHANGELOG.rst`` of each release). A newer HailoRT reads older
HEFs; an older one refuses newer HEFs with status 92.
"""

from __future__ import annotations

from cardscanner.errors import InputError

PAIRS = {
    "3.26": "4.16",
    "3.28": "4.18",
    "3.29": "4.19",
    "3.30": "4.20",
    "3.31": "4.21",
    "3.32": "4.22",
    "3.33": "4.23",
}
"""Dataflow Compiler -> HailoRT, both as major.minor."""


def check_pair(compiler: str, hailort: str | None) -> str | None:
    """Return a warning when compiler and HailoRT (as on the box) are no known pair; ``None`` when they are.

    Raises
    ------
    InputError
        The HEF would not run: the compiler is for other chips, or newer than that HailoRT.
    """
    if _numbers(compiler)[0] != 3:
        raise InputError(
            f"Dataflow Compiler {compiler} does not compile for Hailo-8 chips, only 3.x does: install "
            f"{_advised(hailort)} (hailo.ai/developer-zone)"
        )
    paired = PAIRS.get(_short(compiler))
    if paired is None:
        return f"Dataflow Compiler {compiler} is in no table of ours; check on the box that the HEF loads"
    if hailort is None or _short(hailort) == paired:
        return None
    if _numbers(hailort)[:2] < _numbers(paired):
        raise InputError(
            f"Dataflow Compiler {compiler} makes files for HailoRT {paired}; HailoRT {hailort} would refuse "
            f"them (status 92): compile with {_advised(hailort)}, or update HailoRT on the box"
        )
    return (
        f"Dataflow Compiler {compiler} pairs with HailoRT {paired}, the box has {hailort}: newer runtimes "
        f"read older files in general, but mismatched pairs have given wrong answers; "
        f"prefer {_advised(hailort)}"
    )


def runtime_for(compiler: str) -> str:
    """Return the HailoRT that a compiler pairs with, or "unknown"."""
    return PAIRS.get(_short(compiler), "unknown")


def _advised(hailort: str | None) -> str:
    wanted = _short(hailort) if hailort else None
    found = [compiler for compiler, runtime in PAIRS.items() if runtime == wanted]
    if found:
        return f"Dataflow Compiler {found[0]}"
    known = ", ".join(f"{compiler} for HailoRT {runtime}" for compiler, runtime in PAIRS.items())
    return f"the Dataflow Compiler paired with the HailoRT of the box ({known})"


def _short(version: str) -> str:
    return ".".join(str(part) for part in _numbers(version)[:2])


def _numbers(version: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in version.removeprefix("v").split(".")[:3])
    except ValueError:
        numbers = ()
    if len(numbers) < 2:
        raise InputError(f"{version!r} is no version such as 4.23 or 4.23.0")
    return numbers
