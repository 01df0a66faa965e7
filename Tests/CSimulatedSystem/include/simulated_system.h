// The system that a program believes to run on: threads, clocks, random numbers and files, as far as they are asked for
// through libdispatch and libc.
//
// The functions of this target take the place of those of the same name in the shared libraries: whoever links it has
// every call of the Swift runtime, Foundation and SQLite pass through here. As long as nothing is installed, they do
// what the originals do. Once a simulated system is installed, work that was to run on another thread is handed to it,
// and so is every question for the time, for random numbers, and for the files under its root.

#ifndef SIMULATED_SYSTEM_H
#define SIMULATED_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

/// A piece of work: `function(context)`, on `queue` when that is not null.
struct simulated_work {
    void *queue;
    void *context;
    void (*function)(void *);
};

struct simulated_system {
    /// Work that is to run soon; of two for the same queue, in order.
    void (*enqueue)(struct simulated_work work);
    /// Work that is to run at a time of the monotonic clock, in nanoseconds.
    void (*enqueue_at)(int64_t time, struct simulated_work work);
    /// The monotonic clock and the calendar, in nanoseconds.
    int64_t (*monotonic)(void);
    int64_t (*calendar)(void);
    void (*random)(void *bytes, size_t count);

    /// Only paths that begin with this are asked about below.
    const char *root;
    /// Each returns 0 to have the system go on, or an error number.
    int (*will_open)(const char *path, int flags);
    void (*did_open)(int file, const char *path, int flags);
    void (*will_close)(int file);
    /// `offset` is -1 for the file's own position; `*count` may be lowered.
    int (*will_write)(int file, const void *bytes, size_t *count, int64_t offset);
    int (*will_truncate)(int file, int64_t length);
    int (*will_sync)(int file);
    /// Decides on a lock of the whole file by itself: nothing is asked of the system.
    int (*lock)(int file, int operation);
    int (*will_rename)(const char *from, const char *to);
    int (*will_unlink)(const char *path);
    int (*will_make_folder)(const char *path);
};

/// Puts a simulated system in place of the real one, or the real one back when `system` is null.
void simulated_system_install(const struct simulated_system *system);

/// Does a piece of work on this thread, in the way its queue expects.
void simulated_work_perform(struct simulated_work work);

/// Forgets a piece of work.
void simulated_work_discard(struct simulated_work work);

/// Nanoseconds of processor time that this thread has used, whatever is installed.
int64_t real_processor_time(void);

#endif
