#ifndef INSTALLED_H
#define INSTALLED_H

#include "simulated_system.h"

/// What is installed, or null; each file of this target asks here first.
extern const struct simulated_system *installed_system;

/// A system call without the C library in between.
long raw_syscall(long number, long a, long b, long c, long d, long e, long f);

#endif
