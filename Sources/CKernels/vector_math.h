#ifndef TRIBUTARY_CKERNELS_VECTOR_MATH_H
#define TRIBUTARY_CKERNELS_VECTOR_MATH_H

// What the element-wise loops share; private to this target.

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Unlike the loops of dispatch.h these may fuse a multiplication with an addition where the processor can (x86-64-v3 and
// up), which is worth a factor of two; so their bits depend on the instruction set, as those of BLAS do.
#if defined(__x86_64__) && defined(__linux__)
#define DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISPATCHED
#endif

// For loops whose arrays are either apart or the very same: element i is read before it is written, and no other.
#define ELEMENT_BY_ELEMENT _Pragma("clang loop vectorize(assume_safety)")

// Sums run in sixteen lanes in a fixed order, so that they vectorise without leave to reorder floating-point addition.
enum { LANES = 16 };

static inline __attribute__((always_inline)) float sum_of_lanes(const float lanes[LANES]) {
    float eight[8], four[4];
    for (int i = 0; i < 8; i++) eight[i] = lanes[i] + lanes[i + 8];
    for (int i = 0; i < 4; i++) four[i] = eight[i] + eight[i + 4];
    return (four[0] + four[2]) + (four[1] + four[3]);
}

// eˣ to 2 ulp: x = n·ln 2 + r, a polynomial of degree 7 in r (Cephes expf), n added to the exponent. Below −87.3 the
// result stays at the smallest normal number.
static inline __attribute__((always_inline)) float exponential(float x) {
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.0f ? 88.0f : x;
    const float magic = 0x1.8p23f;
    const float shifted = x * 1.44269504088896341f + magic;
    const float n = shifted - magic;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const float y = (p * r) * r + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return y * scale;
}

static inline __attribute__((always_inline)) float sum(const float *x, size_t count) {
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] += x[i + lane];
    for (int lane = 0; i < count; i++, lane++) lanes[lane] += x[i];
    return sum_of_lanes(lanes);
}

static inline __attribute__((always_inline)) float sum_of_products(const float *x, const float *y, size_t count) {
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] += x[i + lane] * y[i + lane];
    for (int lane = 0; i < count; i++, lane++) lanes[lane] += x[i] * y[i];
    return sum_of_lanes(lanes);
}

#endif
