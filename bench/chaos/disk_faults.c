/* Loaded before the C library (LD_PRELOAD): the n-th write or fsync of a file fails.
 *
 * The file that DISK_FAULTS names describes a fault, "CALL SKIPPED FAILING ERRNO PART": calls of
 * one kind ("write" or "fsync"), on files whose paths contain PART, fail FAILING times after
 * SKIPPED that succeed. Then the file is removed. Without the file, all calls work normally.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int active, skipped, failing, number;
static char kind[16], part[256];

static void read_fault(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) return;
    active = fscanf(file, "%15s %d %d %d %255s", kind, &skipped, &failing, &number, part) == 5;
    fclose(file);
}

static int fails(const char *call, int fd) {
    const char *path = getenv("DISK_FAULTS");
    char link[64], name[4096];
    int error = 0, kept = errno;
    if (!path || access(path, F_OK)) { active = 0; errno = kept; return 0; }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length <= 0) { errno = kept; return 0; }
    name[length] = 0;
    pthread_mutex_lock(&lock);
    if (!active && strcmp(name, path)) read_fault(path);
    if (active && !strcmp(kind, call) && strstr(name, part)) {
        if (skipped > 0) skipped--;
        else {
            error = number;
            if (--failing <= 0) { active = 0; unlink(path); }
        }
    }
    pthread_mutex_unlock(&lock);
    errno = error ? error : kept;
    return error;
}

#define REAL(name) ({ static __typeof__(name) *real; \
    if (!real) { real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); } \
    real; })

ssize_t write(int fd, const void *data, size_t size) {
    return fails("write", fd) ? -1 : REAL(write)(fd, data, size);
}
ssize_t writev(int fd, const struct iovec *data, int count) {
    return fails("write", fd) ? -1 : REAL(writev)(fd, data, count);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return fails("write", fd) ? -1 : REAL(pwrite)(fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return fails("write", fd) ? -1 : REAL(pwrite64)(fd, data, size, offset);
}
int fsync(int fd) { return fails("fsync", fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails("fsync", fd) ? -1 : REAL(fdatasync)(fd); }
