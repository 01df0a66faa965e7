#ifndef TRIBUTARY_SYSTEM_CALLS_H
#define TRIBUTARY_SYSTEM_CALLS_H

#include <stddef.h>
#include <stdint.h>

// Records what a process does to the files of one folder, call by call, in the order in which it happened.
//
// A program that links this target calls it in place of the C library's own functions, and so does every shared library in
// the process, SQLite's among them. Each call is passed on and then written down while a lock is held, so that the order is
// the true one. Memory that is mapped is not seen: of SQLite's files only the index of the log is, which no crash outlasts,
// and whose calls are left out.

enum {
    // A file that was not there: `path`, `file`.
    system_call_create,
    // `length` bytes at `offset` of `file`.
    system_call_write,
    // `file` ends at `offset`.
    system_call_truncate,
    // fsync or fdatasync of `file`.
    system_call_sync,
    // fsync of the folder `path`.
    system_call_sync_folder,
    // From `path` to `other`.
    system_call_rename,
    system_call_remove,
    system_call_make_folder,
    // Not a call: what the program said in between; the number is in `file`.
    system_call_mark,
};

typedef struct {
    int kind;
    // Names a file from its creation on, however it is called.
    int file;
    const char *path;
    const char *other;
    int64_t offset;
    size_t length;
    const uint8_t *bytes;
} system_call;

// Begins to record what happens in `root`, an absolute path without symbolic links; the folder is empty.
void system_calls_begin(const char *root);

// Records nothing from now on. What was recorded stays.
void system_calls_end(void);

// Writes down that the program has come to a point of its own.
void system_calls_mark(int number);

size_t system_calls_count(void);

// The call of that place in the order; its pointers hold until the process ends.
system_call system_calls_at(size_t index);

#endif
