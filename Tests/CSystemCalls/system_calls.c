#define _GNU_SOURCE

#include "system_calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { descriptors = 65536 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[4096];
static size_t root_length;
static bool records;

static system_call *calls;
static size_t count, capacity;

// What a descriptor stands for: a file from 1 on, a folder by its path.
static int file_of_descriptor[descriptors];
static char *folder_of_descriptor[descriptors];

// Which file an inode is now: a number is used again when its file is gone.
static ino_t *inode_of_file;
static int files;

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (real == NULL) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static bool is_watched(const char *path) {
    if (!records || path == NULL || strncmp(path, root, root_length) != 0 || path[root_length] != '/') return false;
    const size_t length = strlen(path);
    return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

static const char *copy_of(const char *path) {
    return path == NULL ? NULL : strdup(path + root_length + 1);
}

static void append(system_call call) {
    if (count == capacity) {
        capacity = capacity == 0 ? 4096 : 2 * capacity;
        calls = realloc(calls, capacity * sizeof *calls);
        if (calls == NULL) abort();
    }
    calls[count++] = call;
}

// MARK: What the harness calls

void system_calls_begin(const char *path) {
    pthread_mutex_lock(&lock);
    root_length = strlen(path);
    memcpy(root, path, root_length + 1);
    records = true;
    pthread_mutex_unlock(&lock);
}

void system_calls_end(void) {
    pthread_mutex_lock(&lock);
    records = false;
    pthread_mutex_unlock(&lock);
}

void system_calls_mark(int number) {
    pthread_mutex_lock(&lock);
    if (records) append((system_call){.kind = system_call_mark, .file = number});
    pthread_mutex_unlock(&lock);
}

size_t system_calls_count(void) { return count; }

system_call system_calls_at(size_t index) { return calls[index]; }

// MARK: Opening and closing

static int file_of_inode(ino_t inode) {
    for (int file = files; file > 0; file--)
        if (inode_of_file[file] == inode) return file;
    return 0;
}

static void opened(int descriptor, const char *path, int flags, bool existed) {
    if (descriptor < 0 || descriptor >= descriptors) return;
    struct stat status;
    if (fstat(descriptor, &status) != 0) return;
    if (S_ISDIR(status.st_mode)) {
        folder_of_descriptor[descriptor] = strdup(strlen(path) > root_length ? path + root_length + 1 : "");
        return;
    }
    int file = existed ? file_of_inode(status.st_ino) : 0;
    if (file == 0) {
        file = ++files;
        inode_of_file = realloc(inode_of_file, (size_t)(files + 1) * sizeof *inode_of_file);
        if (inode_of_file == NULL) abort();
        inode_of_file[file] = status.st_ino;
        append((system_call){.kind = system_call_create, .file = file, .path = copy_of(path)});
    } else if ((flags & O_TRUNC) != 0) {
        append((system_call){.kind = system_call_truncate, .file = file});
    }
    file_of_descriptor[descriptor] = file;
}

static int open_watched(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    const bool is_root = records && strcmp(path, root) == 0;
    if (!is_watched(path) && !is_root) return real(path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat status;
    const bool existed = stat(path, &status) == 0;
    const int descriptor = real(path, flags, mode);
    const int error = errno;
    opened(descriptor, path, flags, existed);
    pthread_mutex_unlock(&lock);
    errno = error;
    return descriptor;
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, name, const char *, int, ...); \
        va_list arguments; \
        va_start(arguments, flags); \
        const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0; \
        va_end(arguments); \
        return open_watched(real, path, flags, mode); \
    }

OPEN(open)
OPEN(open64)

int close(int descriptor) {
    REAL(int, close, int);
    if (descriptor < 0 || descriptor >= descriptors) return real(descriptor);
    pthread_mutex_lock(&lock);
    file_of_descriptor[descriptor] = 0;
    free(folder_of_descriptor[descriptor]);
    folder_of_descriptor[descriptor] = NULL;
    const int code = real(descriptor);
    const int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return code;
}

// MARK: Content

// The file behind a descriptor, or 0. What has no number was opened before, or is not in the folder.
static int watched_file(int descriptor) {
    return records && descriptor >= 0 && descriptor < descriptors ? file_of_descriptor[descriptor] : 0;
}

static void wrote(int file, const void *bytes, ssize_t length, off_t offset) {
    if (length <= 0) return;
    uint8_t *copy = malloc((size_t)length);
    if (copy == NULL) abort();
    memcpy(copy, bytes, (size_t)length);
    append((system_call){
        .kind = system_call_write, .file = file, .offset = offset, .length = (size_t)length, .bytes = copy});
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    REAL(ssize_t, write, int, const void *, size_t);
    if (watched_file(descriptor) == 0) return real(descriptor, bytes, length);
    pthread_mutex_lock(&lock);
    const ssize_t written = real(descriptor, bytes, length);
    const int error = errno;
    if (written > 0) wrote(watched_file(descriptor), bytes, written, lseek(descriptor, 0, SEEK_CUR) - written);
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

#define PWRITE(name, offset_type) \
    ssize_t name(int descriptor, const void *bytes, size_t length, offset_type offset) { \
        REAL(ssize_t, name, int, const void *, size_t, offset_type); \
        if (watched_file(descriptor) == 0) return real(descriptor, bytes, length, offset); \
        pthread_mutex_lock(&lock); \
        const ssize_t written = real(descriptor, bytes, length, offset); \
        const int error = errno; \
        wrote(watched_file(descriptor), bytes, written, offset); \
        pthread_mutex_unlock(&lock); \
        errno = error; \
        return written; \
    }

PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define FTRUNCATE(name, offset_type) \
    int name(int descriptor, offset_type length) { \
        REAL(int, name, int, offset_type); \
        if (watched_file(descriptor) == 0) return real(descriptor, length); \
        pthread_mutex_lock(&lock); \
        const int code = real(descriptor, length); \
        const int error = errno; \
        if (code == 0) \
            append((system_call){ \
                .kind = system_call_truncate, .file = watched_file(descriptor), .offset = length}); \
        pthread_mutex_unlock(&lock); \
        errno = error; \
        return code; \
    }

FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

// What is not written down would make every state after it wrong.
#define UNEXPECTED(name, descriptor) \
    if (watched_file(descriptor) != 0) { \
        fprintf(stderr, "%s is not recorded: teach it to system_calls.c\n", #name); \
        abort(); \
    }

ssize_t writev(int descriptor, const struct iovec *pieces, int number) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    UNEXPECTED(writev, descriptor)
    return real(descriptor, pieces, number);
}

int fallocate64(int descriptor, int mode, off64_t offset, off64_t length) {
    REAL(int, fallocate64, int, int, off64_t, off64_t);
    UNEXPECTED(fallocate64, descriptor)
    return real(descriptor, mode, offset, length);
}

int posix_fallocate64(int descriptor, off64_t offset, off64_t length) {
    REAL(int, posix_fallocate64, int, off64_t, off64_t);
    UNEXPECTED(posix_fallocate64, descriptor)
    return real(descriptor, offset, length);
}

// MARK: Durability

static int synced(int (*real)(int), int descriptor) {
    const bool is_valid = records && descriptor >= 0 && descriptor < descriptors;
    if (!is_valid || (file_of_descriptor[descriptor] == 0 && folder_of_descriptor[descriptor] == NULL))
        return real(descriptor);
    pthread_mutex_lock(&lock);
    const int code = real(descriptor);
    const int error = errno;
    if (code == 0 && file_of_descriptor[descriptor] != 0)
        append((system_call){.kind = system_call_sync, .file = file_of_descriptor[descriptor]});
    else if (code == 0 && folder_of_descriptor[descriptor] != NULL)
        append((system_call){.kind = system_call_sync_folder, .path = strdup(folder_of_descriptor[descriptor])});
    pthread_mutex_unlock(&lock);
    errno = error;
    return code;
}

int fsync(int descriptor) {
    REAL(int, fsync, int);
    return synced(real, descriptor);
}

int fdatasync(int descriptor) {
    REAL(int, fdatasync, int);
    return synced(real, descriptor);
}

// MARK: Names

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    if (!is_watched(from) && !is_watched(to)) return real(from, to);
    pthread_mutex_lock(&lock);
    const int code = real(from, to);
    const int error = errno;
    if (code == 0)
        append((system_call){.kind = system_call_rename, .path = copy_of(from), .other = copy_of(to)});
    pthread_mutex_unlock(&lock);
    errno = error;
    return code;
}

#define NAME_CALL(name, call_kind, parameters, arguments, types) \
    int name parameters { \
        REAL(int, name, types); \
        if (!is_watched(path)) return real arguments; \
        pthread_mutex_lock(&lock); \
        const int code = real arguments; \
        const int error = errno; \
        if (code == 0) append((system_call){.kind = call_kind, .path = copy_of(path)}); \
        pthread_mutex_unlock(&lock); \
        errno = error; \
        return code; \
    }
#define PAIR(...) __VA_ARGS__

NAME_CALL(unlink, system_call_remove, (const char *path), (path), const char *)
NAME_CALL(remove, system_call_remove, (const char *path), (path), const char *)
NAME_CALL(rmdir, system_call_remove, (const char *path), (path), const char *)
NAME_CALL(mkdir, system_call_make_folder, (const char *path, mode_t mode), (path, mode), PAIR(const char *, mode_t))
