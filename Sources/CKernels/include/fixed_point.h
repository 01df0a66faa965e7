#ifndef TRIBUTARY_CKERNELS_FIXED_POINT_H
#define TRIBUTARY_CKERNELS_FIXED_POINT_H

#include <stddef.h>
#include <stdint.h>

// Numbers on a grid. The step of a value is the integer nearest to value · scale, ties to even, within ±2^24; NaN gives
// −2^24. Integers and one multiplication and one addition in binary64: the same on every processor.

enum {
    // The most values that tributary_squared_steps takes: (2^24)² · 2^14 < 2^63.
    tributary_most_squared_steps = 1 << 14,
    // What `shrink` is a multiple of: 2^30 leaves a step as it is.
    tributary_shrink_bits = 30,
};

// Returns the sum of the squared steps.
uint64_t tributary_squared_steps(const float *values, double scale, size_t count);

// target[i] ← step · shrink / 2^30, rounded towards zero. `shrink` is at most 2^30.
void tributary_write_steps(int32_t *target, const float *values, double scale, uint32_t shrink, size_t count);

// target[i] += step · shrink / 2^30, rounded towards zero.
void tributary_add_steps(int64_t *target, const float *values, double scale, uint32_t shrink, size_t count);

// target[i] += steps[i] · shrink / 2^30, rounded towards zero.
void tributary_add_given_steps(int64_t *target, const int32_t *steps, uint32_t shrink, size_t count);

// target[i] ← (float)(steps[i] · unit).
void tributary_steps_to_binary32(float *target, const int64_t *steps, double unit, size_t count);

#endif
