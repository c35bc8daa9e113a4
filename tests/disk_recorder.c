/* Records what a process does to the files of one folder, in the order of the calls: see power_cuts.py.
 *
 *     cc -shared -fPIC -o recorder.so disk_recorder.c
 *     LD_PRELOAD=recorder.so RECORD_FOLDER=... RECORD_LOG=... program
 *
 * With RECORD_KILL_AT=n the n-th call is begun (a write only by half) and the process is killed there.
 * A record: kind, length of the path, length of the second path, offset, length of the data; then those three.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct record {
    char kind;
    char unused[3];
    uint32_t path, second;
    uint32_t size;
    uint64_t offset;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static int log_fd = -1;
static long calls, kill_at;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("RECORD_LOG"), *at = getenv("RECORD_KILL_AT");
    folder = getenv("RECORD_FOLDER");
    kill_at = at ? atol(at) : 0;
    if (path && folder)
        log_fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int ours(const char *path) {
    return log_fd >= 0 && path && !strncmp(path, folder, strlen(folder));
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, 4095);
    if (size < 0) return 0;
    path[size] = 0;
    return ours(path);
}

/* Returns whether the process has to die in this call. */
static int note(char kind, const char *path, const char *second, uint64_t offset, const void *data, size_t size) {
    struct record record = {kind, {0}, strlen(path), second ? strlen(second) : 0, data ? size : 0, offset};
    syscall(SYS_write, log_fd, &record, sizeof record);
    syscall(SYS_write, log_fd, path, record.path);
    if (second) syscall(SYS_write, log_fd, second, record.second);
    if (data) syscall(SYS_write, log_fd, data, size);
    return ++calls == kill_at;
}

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t put(int fd, const void *data, size_t size, off_t offset) {
    char path[4096];
    if (!path_of(fd, path)) return syscall(SYS_pwrite64, fd, data, size, offset);
    pthread_mutex_lock(&lock);
    int last = note('w', path, NULL, offset, data, size);
    ssize_t done = syscall(SYS_pwrite64, fd, data, last ? size / 2 : size, offset);
    if (last) die();
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return put(fd, data, size, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return put(fd, data, size, offset); }

ssize_t write(int fd, const void *data, size_t size) {
    char path[4096];
    struct stat status;
    if (!path_of(fd, path) || fstat(fd, &status) || !S_ISREG(status.st_mode)) return syscall(SYS_write, fd, data, size);
    pthread_mutex_lock(&lock);
    off_t at = fcntl(fd, F_GETFL) & O_APPEND ? status.st_size : lseek(fd, 0, SEEK_CUR);
    int last = note('w', path, NULL, at, data, size);
    ssize_t done = syscall(SYS_write, fd, data, last ? size / 2 : size);
    if (last) die();
    pthread_mutex_unlock(&lock);
    return done;
}

static int synced(int fd, int number) {
    char path[4096];
    if (!path_of(fd, path)) return syscall(number, fd);
    pthread_mutex_lock(&lock);
    int last = note('s', path, NULL, 0, NULL, 0);
    if (last) die();
    int done = syscall(number, fd);
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int cut(int fd, off_t size) {
    char path[4096];
    if (path_of(fd, path)) {
        pthread_mutex_lock(&lock);
        if (note('t', path, NULL, size, NULL, 0)) die();
        pthread_mutex_unlock(&lock);
    }
    return syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

static void before_open(const char *path, int flags) {
    struct stat status;
    if (!ours(path)) return;
    int there = !stat(path, &status);
    pthread_mutex_lock(&lock);
    if (!there && flags & O_CREAT && note('c', path, NULL, 0, NULL, 0)) die();
    if (there && flags & O_TRUNC && note('t', path, NULL, 0, NULL, 0)) die();
    pthread_mutex_unlock(&lock);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        before_open(path, flags); \
        return syscall(SYS_openat, AT_FDCWD, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int folder_fd, const char *path, int flags, ...) { \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        before_open(path, flags); \
        return syscall(SYS_openat, folder_fd, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

int rename(const char *from, const char *to) {
    if (ours(from)) {
        pthread_mutex_lock(&lock);
        if (note('r', from, to, 0, NULL, 0)) die();
        pthread_mutex_unlock(&lock);
    }
    REAL(int, "rename", const char *, const char *);
    return real(from, to);
}

int unlink(const char *path) {
    if (ours(path)) {
        pthread_mutex_lock(&lock);
        if (note('u', path, NULL, 0, NULL, 0)) die();
        pthread_mutex_unlock(&lock);
    }
    REAL(int, "unlink", const char *);
    return real(path);
}
