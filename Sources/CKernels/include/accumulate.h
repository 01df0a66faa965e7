#ifndef TRIBUTARY_CKERNELS_ACCUMULATE_H
#define TRIBUTARY_CKERNELS_ACCUMULATE_H

#include <stdbool.h>
#include <stddef.h>

// Returns whether no value is infinite or NaN.
bool tributary_all_finite(const float *values, size_t count);

// Returns the sum of squares, in binary64.
//
// The values are spread over 16 partial sums in a fixed order, so the bits depend on the values alone.
double tributary_sum_of_squares(const float *values, size_t count);

// accumulator[i] += scale * values[i], in binary64; returns the sum of squares of `values`, as above.
//
// Sets `*finite` to whether all values are finite. When they are not, the accumulator is spoilt: the caller drops it.
double tributary_accumulate(
    double *accumulator, const float *values, double scale, size_t count, bool *finite);

// The most tensors that tributary_accumulate_group takes.
enum { tributary_group_size = 4 };

// accumulator[i] += scales[0] * values[0][i], then += scales[1] * values[1][i] and so on, in binary64, in one pass over
// the accumulator. The bits do not depend on how a sum is split into groups.
//
// Adds each tensor's sum of squares to `squares`; it is finite exactly where all of the tensor's values are, because the
// square of a binary32 value is far from overflowing. `group` is in 1...tributary_group_size.
void tributary_accumulate_group(
    double *accumulator, const float *const *values, const double *scales, size_t group, size_t count, double *squares);

// target[i] = (float)(scale * values[i]).
void tributary_scale_to_binary32(float *target, const double *values, double scale, size_t count);

// Copies a block of `rows` × `columns` values into binary64.
//
// The strides are the distances, in elements, between the starts of two rows.
void tributary_widen_block(
    double *target, size_t target_stride, const float *source, size_t source_stride, size_t rows, size_t columns);

// Copies a block of `rows` × `columns` values and rounds them to binary32. Strides as above.
void tributary_round_block(
    float *target, size_t target_stride, const double *source, size_t source_stride, size_t rows, size_t columns);

#endif
