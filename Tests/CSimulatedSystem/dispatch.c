// libdispatch's ways to have something done elsewhere or later. The Swift runtime's executors end here as well as the
// queues that actors of this repository and of its dependencies run on.

#define _GNU_SOURCE
#include "installed.h"

#include <dlfcn.h>
#include <stdlib.h>

extern void *_Block_copy(const void *block);
extern void _Block_release(const void *block);
extern void dispatch_sync_f(void *queue, void *context, void (*function)(void *));
extern void dispatch_retain(void *object);
extern void dispatch_release(void *object);

/// The beginning of a block, as its ABI fixes it.
struct block {
    void *isa;
    int flags;
    int reserved;
    void (*invoke)(void *block);
};

static void invoke_block(void *context) {
    struct block *block = context;
    block->invoke(block);
    _Block_release(block);
}

void dispatch_async(void *queue, void *block) {
    if (installed_system) {
        dispatch_retain(queue);
        installed_system->enqueue((struct simulated_work){queue, _Block_copy(block), invoke_block});
        return;
    }
    static void (*original)(void *, void *);
    if (!original) *(void **)&original = dlsym(RTLD_NEXT, "dispatch_async");
    original(queue, block);
}

// The Swift runtime's own way; its queues are global, and whatever runs on one may run anywhere.
void dispatch_async_f(void *queue, void *context, void (*function)(void *)) {
    if (installed_system) {
        installed_system->enqueue((struct simulated_work){NULL, context, function});
        return;
    }
    static void (*original)(void *, void *, void (*)(void *));
    if (!original) *(void **)&original = dlsym(RTLD_NEXT, "dispatch_async_f");
    original(queue, context, function);
}

// Times have their clock in the two highest bits and nanoseconds below; all clocks but the calendar are the monotonic one.
void dispatch_after_f(uint64_t when, void *queue, void *context, void (*function)(void *)) {
    if (installed_system) {
        int64_t time = (int64_t)(when & ~(UINT64_C(3) << 62));
        installed_system->enqueue_at(time, (struct simulated_work){NULL, context, function});
        return;
    }
    static void (*original)(uint64_t, void *, void *, void (*)(void *));
    if (!original) *(void **)&original = dlsym(RTLD_NEXT, "dispatch_after_f");
    original(when, queue, context, function);
}

void simulated_work_perform(struct simulated_work work) {
    if (!work.queue) {
        work.function(work.context);
        return;
    }
    // Nobody else is on the queue, so this runs here and now, and whoever asks where it is finds the queue.
    dispatch_sync_f(work.queue, work.context, work.function);
    dispatch_release(work.queue);
}

void simulated_work_discard(struct simulated_work work) {
    if (!work.queue) return;
    _Block_release(work.context);
    dispatch_release(work.queue);
}
