#ifndef TRIBUTARY_CKERNELS_HALF_PRECISION_H
#define TRIBUTARY_CKERNELS_HALF_PRECISION_H

#include <stddef.h>
#include <stdint.h>

// The 16-bit side is the bytes of a file or a message, little-endian and at any address.

// Widens IEEE 754 binary16 values, given as their bits. Exact; a NaN stays a NaN.
void tributary_widen_binary16(const void *source, float *target, size_t count);

// Rounds to IEEE 754 binary16, to nearest, ties to even; beyond 65504 becomes infinite, a NaN becomes 0x7E00 with its sign.
void tributary_round_to_binary16(const float *source, void *target, size_t count);

// Widens bfloat16 values, given as their bits. Exact.
void tributary_widen_bfloat16(const void *source, float *target, size_t count);

// Rounds to bfloat16, to nearest, ties to even; a NaN becomes 0x7FC0 with its sign.
void tributary_round_to_bfloat16(const float *source, void *target, size_t count);

#endif
