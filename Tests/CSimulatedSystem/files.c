// Everything that changes a file or a folder, as far as anybody in this program does it.

#define _GNU_SOURCE
#include "installed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILE_LIMIT = 1 << 16 };

/// Which open files the simulated system was told of.
static unsigned char is_told[FILE_LIMIT];

static int is_under_root(const char *path) {
    return installed_system && strncmp(path, installed_system->root, strlen(installed_system->root)) == 0;
}

static int is_of_interest(int file) { return installed_system && file >= 0 && file < FILE_LIMIT && is_told[file]; }

static int fail(int error) {
    errno = error;
    return -1;
}

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    int is_ours = is_under_root(path);
    if (is_ours) {
        int error = installed_system->will_open(path, flags);
        if (error) return fail(error);
    }
    int file = (int)raw_syscall(SYS_openat, folder, (long)path, flags, mode, 0, 0);
    if (is_ours && file >= 0 && file < FILE_LIMIT) {
        is_told[file] = 1;
        installed_system->did_open(file, path, flags);
    }
    return file;
}

static mode_t mode_of(int flags, va_list list) {
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(list, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_of(flags, list);
    va_end(list);
    return open_at(folder, path, flags, mode);
}

int close(int file) {
    if (file >= 0 && file < FILE_LIMIT && is_told[file]) {
        is_told[file] = 0;
        if (installed_system) installed_system->will_close(file);
    }
    return (int)raw_syscall(SYS_close, file, 0, 0, 0, 0, 0);
}

ssize_t write(int file, const void *bytes, size_t count) {
    if (is_of_interest(file)) {
        int error = installed_system->will_write(file, bytes, &count, -1);
        if (error) return fail(error);
    }
    return raw_syscall(SYS_write, file, (long)bytes, (long)count, 0, 0, 0);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
    if (is_of_interest(file)) {
        int error = installed_system->will_write(file, bytes, &count, offset);
        if (error) return fail(error);
    }
    return raw_syscall(SYS_pwrite64, file, (long)bytes, (long)count, offset, 0, 0);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
    return pwrite64(file, bytes, count, offset);
}

int ftruncate64(int file, off64_t length) {
    if (is_of_interest(file)) {
        int error = installed_system->will_truncate(file, length);
        if (error) return fail(error);
    }
    return (int)raw_syscall(SYS_ftruncate, file, length, 0, 0, 0, 0);
}

int ftruncate(int file, off_t length) { return ftruncate64(file, length); }

// What is forced to disk here stays in memory in any case: what a power cut leaves is the simulated disk's to say.
static int sync_file(long number, int file) {
    if (!is_of_interest(file)) return (int)raw_syscall(number, file, 0, 0, 0, 0, 0);
    int error = installed_system->will_sync(file);
    return error ? fail(error) : 0;
}

int fsync(int file) { return sync_file(SYS_fsync, file); }

int fdatasync(int file) { return sync_file(SYS_fdatasync, file); }

// Locks end with the process that holds them, and here many processes are one.
int flock(int file, int operation) {
    if (!is_of_interest(file)) return (int)raw_syscall(SYS_flock, file, operation, 0, 0, 0, 0);
    int error = installed_system->lock(file, operation);
    return error ? fail(error) : 0;
}

static int rename_at(int from_folder, const char *from, int to_folder, const char *to) {
    if (is_under_root(to)) {
        int error = installed_system->will_rename(from, to);
        if (error) return fail(error);
    }
    return (int)raw_syscall(SYS_renameat2, from_folder, (long)from, to_folder, (long)to, 0, 0);
}

int rename(const char *from, const char *to) { return rename_at(AT_FDCWD, from, AT_FDCWD, to); }

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return rename_at(from_folder, from, to_folder, to);
}

static int unlink_at(int folder, const char *path, int flags) {
    if (is_under_root(path)) {
        int error = installed_system->will_unlink(path);
        if (error) return fail(error);
    }
    return (int)raw_syscall(SYS_unlinkat, folder, (long)path, flags, 0, 0, 0);
}

int unlink(const char *path) { return unlink_at(AT_FDCWD, path, 0); }

int unlinkat(int folder, const char *path, int flags) { return unlink_at(folder, path, flags); }

int rmdir(const char *path) { return unlink_at(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdir(const char *path, mode_t mode) {
    if (is_under_root(path)) {
        int error = installed_system->will_make_folder(path);
        if (error) return fail(error);
    }
    return (int)raw_syscall(SYS_mkdirat, AT_FDCWD, (long)path, mode, 0, 0, 0);
}
