// Clocks and random numbers.

#define _GNU_SOURCE
#include "installed.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

const struct simulated_system *installed_system;

/// What this thread is told of time and chance: libdispatch has threads of its own, whose timers are the kernel's and never
/// end to ring when the clock beside them stands still.
static _Thread_local const struct simulated_system *system_of_thread;

void simulated_system_install(const struct simulated_system *system) {
    installed_system = system;
    system_of_thread = system;
}

#if defined(__x86_64__)
long raw_syscall(long number, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (result >= 0 || result < -4095) return result;
    errno = (int)-result;
    return -1;
}
#elif defined(__aarch64__)
long raw_syscall(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    if (x0 >= 0 || x0 < -4095) return x0;
    errno = (int)-x0;
    return -1;
}
#else
#error "Add the system call of this architecture."
#endif

static void set(struct timespec *time, int64_t nanoseconds) {
    time->tv_sec = nanoseconds / 1000000000;
    time->tv_nsec = nanoseconds % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (!system_of_thread || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
        return (int)raw_syscall(SYS_clock_gettime, clock, (long)time, 0, 0, 0, 0);
    int is_calendar = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    set(time, is_calendar ? system_of_thread->calendar() : system_of_thread->monotonic());
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}

int64_t real_processor_time(void) {
    struct timespec used;
    raw_syscall(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, (long)&used, 0, 0, 0, 0);
    return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

// The Swift runtime and BoringSSL ask the kernel for random numbers in this way.
long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long arguments[6];
    for (int index = 0; index < 6; index++) arguments[index] = va_arg(list, long);
    va_end(list);
    if (system_of_thread && number == SYS_getrandom) {
        system_of_thread->random((void *)arguments[0], (size_t)arguments[1]);
        return arguments[1];
    }
    return raw_syscall(
        number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
