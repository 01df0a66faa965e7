#include "CKernels.h"

#include <string.h>

// A fused multiply-add rounds once where a product and a sum round twice: without it, every instruction set agrees.
#pragma STDC FP_CONTRACT OFF

static inline int32_t step_of(float value, double scale) {
    const double limit = 0x1p24;
    double place = (double)value * scale;
    // Written so that NaN becomes a limit.
    place = place > -limit ? place : -limit;
    place = place < limit ? place : limit;
    // At 1.5 · 2^52 a binary64 has steps of one, so that the sum is rounded to an integer, which its low bits hold.
    const double shifted = place + 0x1.8p52;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (int32_t)(uint32_t)bits;
}

static inline int64_t shrunk(int32_t step, uint32_t shrink) {
    const int64_t sign = step < 0 ? -1 : 0;
    const uint32_t magnitude = step < 0 ? 0u - (uint32_t)step : (uint32_t)step;
    const int64_t product = (int64_t)(((uint64_t)magnitude * shrink) >> tributary_shrink_bits);
    return (product ^ sign) - sign;
}

// Wraps, where a signed addition would be undefined.
static inline int64_t sum(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

TRIBUTARY_DISPATCHED
uint64_t tributary_squared_steps(const float *values, double scale, size_t count) {
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        const int64_t step = step_of(values[i], scale);
        total += (uint64_t)(step * step);
    }
    return total;
}

TRIBUTARY_DISPATCHED
void tributary_write_steps(
    int32_t *restrict target, const float *restrict values, double scale, uint32_t shrink, size_t count) {
    for (size_t i = 0; i < count; i++) {
        target[i] = (int32_t)shrunk(step_of(values[i], scale), shrink);
    }
}

TRIBUTARY_DISPATCHED
void tributary_add_steps(
    int64_t *restrict target, const float *restrict values, double scale, uint32_t shrink, size_t count) {
    for (size_t i = 0; i < count; i++) {
        target[i] = sum(target[i], shrunk(step_of(values[i], scale), shrink));
    }
}

TRIBUTARY_DISPATCHED
void tributary_add_given_steps(
    int64_t *restrict target, const int32_t *restrict steps, uint32_t shrink, size_t count) {
    for (size_t i = 0; i < count; i++) {
        target[i] = sum(target[i], shrunk(steps[i], shrink));
    }
}

TRIBUTARY_DISPATCHED
void tributary_steps_to_binary32(
    float *restrict target, const int64_t *restrict steps, double unit, size_t count) {
    for (size_t i = 0; i < count; i++) {
        target[i] = (float)((double)steps[i] * unit);
    }
}
