"""The Raspberry Pi's firmware, as far as it tells of power and heat, on a machine that is none.

The file of ``get_throttled`` lies where the kernel has it; for the program under test it is one that a test writes.
"""

from __future__ import annotations

from pathlib import Path

from preloading import compiled

_GET_THROTTLED_C = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *meant(const char *path) {
    return strcmp(path, "/sys/devices/platform/soc/soc:firmware/get_throttled")
        ? path : getenv("TEST_GET_THROTTLED");
}

int stat(const char *restrict path, struct stat *restrict found) {
    return ((int (*)(const char *, struct stat *))dlsym(RTLD_NEXT, "stat"))(meant(path), found);
}

#define OPENER(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; \
        va_start(more, flags); \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0; \
        va_end(more); \
        return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(meant(path), flags, mode); \
    }
OPENER(open)
OPENER(open64)
"""


class Firmware:
    """What the firmware tells the programs that are started with :attr:`environment`."""

    def __init__(self, folder: Path) -> None:
        library = compiled(folder, "get_throttled", _GET_THROTTLED_C)
        self._told = folder / "get_throttled"
        self.says(0)
        self.environment = {"LD_PRELOAD": str(library), "TEST_GET_THROTTLED": str(self._told)}

    def says(self, bits: int) -> None:
        """Answer with these bits from now on, in hexadecimal without a prefix, as the kernel does."""
        fresh = self._told.with_suffix(".new")
        fresh.write_text(f"{bits:x}\n", encoding="ascii")
        fresh.replace(self._told)
