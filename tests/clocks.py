"""A wall clock that tests can step under a running program, as ``date -s`` or an NTP daemon steps the machine's.

A few lines of C stand between the program and the C library: the wall clock is the kernel's plus what the test
says, the monotonic clock, which no step touches, stays the kernel's. They also answer whether the clock counts as
set, in place of adjtimex(2) and of timesyncd's mark: the machine that runs the tests has its own opinion about
that. (libfaketime 0.9.10 does not do: it touches waits that are measured by the monotonic clock too, so that
Python's ``time.sleep`` fails with EINVAL. A time namespace cannot step the wall clock.)
"""

from __future__ import annotations

import mmap
import struct
from datetime import timedelta
from pathlib import Path

from preloading import compiled

YEAR = timedelta(days=365.25)

_WALL_CLOCK_C = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static volatile struct { int64_t offset_s; int64_t is_set; } *told;

__attribute__((constructor)) static void listen(void) {
    int file = open(getenv("TEST_WALL_CLOCK"), O_RDONLY | O_CLOEXEC);
    void *memory = mmap(NULL, sizeof *told, PROT_READ, MAP_SHARED, file, 0);
    if (file < 0 || memory == MAP_FAILED) abort();
    close(file);
    told = memory;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*next)(clockid_t, struct timespec *);
    if (!next) next = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = next(clock, now);
    if (!failed && told && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
        now->tv_sec += told->offset_s;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec fine;
    int failed = clock_gettime(CLOCK_REALTIME, &fine);
    now->tv_sec = fine.tv_sec;
    now->tv_usec = fine.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}

int adjtimex(struct timex *clock) {
    memset(clock, 0, sizeof *clock);
    clock->status = told->is_set ? 0 : STA_UNSYNC;
    return told->is_set ? TIME_OK : TIME_ERROR;
}

int stat(const char *restrict path, struct stat *restrict found) {
    if (!strcmp(path, "/run/systemd/timesync/synchronized")) {
        errno = ENOENT;
        return -1;
    }
    return ((int (*)(const char *, struct stat *))dlsym(RTLD_NEXT, "stat"))(path, found);
}
"""


class WallClock:
    """The wall clock of the programs that are started with :attr:`environment`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        told = folder / "told"
        told.write_bytes(bytes(16))
        with told.open("r+b") as file:
            self._told = mmap.mmap(file.fileno(), 16)
        self.environment = {
            "LD_PRELOAD": str(compiled(folder, "wall_clock", _WALL_CLOCK_C)),
            "TEST_WALL_CLOCK": str(told),
        }

    def step(self, offset: timedelta) -> None:
        """Set the clock at once to so much later, or earlier, than the right time."""
        self._told[:8] = struct.pack("=q", round(offset.total_seconds()))

    def is_set(self) -> None:
        """From now on the clock counts as set from the network."""
        self._told[8:] = struct.pack("=q", 1)
