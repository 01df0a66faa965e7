#include "CKernels.h"

#include <stdint.h>
#include <string.h>

// A fused multiply-add rounds once where a product and a sum round twice: without it, every instruction set agrees.
#pragma STDC FP_CONTRACT OFF

enum { lanes = 16 };

static inline double total(const double partial[lanes]) {
    double sum = 0;
    for (size_t lane = 0; lane < lanes; lane++) {
        sum += partial[lane];
    }
    return sum;
}

// All exponent bits set: infinite or NaN.
static inline uint32_t magnitude_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x7FFFFFFFu;
}

TRIBUTARY_DISPATCHED
bool tributary_all_finite(const float *values, size_t count) {
    const size_t block = 4096;
    for (size_t start = 0; start < count; start += block) {
        const size_t end = count - start < block ? count : start + block;
        uint32_t largest = 0;
        for (size_t i = start; i < end; i++) {
            const uint32_t magnitude = magnitude_of(values[i]);
            largest = magnitude > largest ? magnitude : largest;
        }
        if (largest >= 0x7F800000u) {
            return false;
        }
    }
    return true;
}

TRIBUTARY_DISPATCHED
double tributary_sum_of_squares(const float *values, size_t count) {
    double partial[lanes] = {0};
    size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        for (size_t lane = 0; lane < lanes; lane++) {
            const double value = values[i + lane];
            partial[lane] += value * value;
        }
    }
    for (size_t lane = 0; i < count; i++, lane++) {
        const double value = values[i];
        partial[lane] += value * value;
    }
    return total(partial);
}

TRIBUTARY_DISPATCHED
double tributary_accumulate(
    double *restrict accumulator, const float *restrict values, double scale, size_t count, bool *finite) {
    double partial[lanes] = {0};
    uint32_t largest[lanes] = {0};
    size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        for (size_t lane = 0; lane < lanes; lane++) {
            const uint32_t magnitude = magnitude_of(values[i + lane]);
            largest[lane] = magnitude > largest[lane] ? magnitude : largest[lane];
            const double value = values[i + lane];
            partial[lane] += value * value;
            accumulator[i + lane] += scale * value;
        }
    }
    for (size_t lane = 0; i < count; i++, lane++) {
        const uint32_t magnitude = magnitude_of(values[i]);
        largest[lane] = magnitude > largest[lane] ? magnitude : largest[lane];
        const double value = values[i];
        partial[lane] += value * value;
        accumulator[i] += scale * value;
    }
    uint32_t overall = 0;
    for (size_t lane = 0; lane < lanes; lane++) {
        overall = largest[lane] > overall ? largest[lane] : overall;
    }
    *finite = overall < 0x7F800000u;
    return total(partial);
}

// Half as many lanes as above: four tensors' partial sums have to stay in registers.
enum { group_lanes = 8 };

// Inlined with a constant `group`, so that the inner loops disappear.
__attribute__((always_inline)) static inline void accumulate_group(
    double *restrict accumulator, const float *const *values, const double *scales, size_t group, size_t count,
    double *restrict squares) {
    double partial[tributary_group_size][group_lanes] = {{0}};
    double scale[tributary_group_size];
    const float *source[tributary_group_size];
    for (size_t j = 0; j < group; j++) {
        scale[j] = scales[j];
        source[j] = values[j];
    }
    size_t i = 0;
    for (; i + group_lanes <= count; i += group_lanes) {
        for (size_t lane = 0; lane < group_lanes; lane++) {
            double sum = accumulator[i + lane];
            for (size_t j = 0; j < group; j++) {
                const double value = source[j][i + lane];
                partial[j][lane] += value * value;
                sum += scale[j] * value;
            }
            accumulator[i + lane] = sum;
        }
    }
    for (size_t lane = 0; i < count; i++, lane++) {
        for (size_t j = 0; j < group; j++) {
            const double value = source[j][i];
            partial[j][lane] += value * value;
            accumulator[i] += scale[j] * value;
        }
    }
    for (size_t j = 0; j < group; j++) {
        double sum = 0;
        for (size_t lane = 0; lane < group_lanes; lane++) {
            sum += partial[j][lane];
        }
        squares[j] += sum;
    }
}

TRIBUTARY_DISPATCHED
void tributary_accumulate_group(
    double *accumulator, const float *const *values, const double *scales, size_t group, size_t count, double *squares) {
    switch (group) {
    case 1: accumulate_group(accumulator, values, scales, 1, count, squares); break;
    case 2: accumulate_group(accumulator, values, scales, 2, count, squares); break;
    case 3: accumulate_group(accumulator, values, scales, 3, count, squares); break;
    case 4: accumulate_group(accumulator, values, scales, 4, count, squares); break;
    default: break;
    }
}

TRIBUTARY_DISPATCHED
void tributary_scale_to_binary32(float *restrict target, const double *restrict values, double scale, size_t count) {
    for (size_t i = 0; i < count; i++) {
        target[i] = (float)(scale * values[i]);
    }
}

TRIBUTARY_DISPATCHED
void tributary_widen_block(
    double *restrict target, size_t target_stride, const float *restrict source, size_t source_stride, size_t rows,
    size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            target[column] = source[column];
        }
        target += target_stride;
        source += source_stride;
    }
}

TRIBUTARY_DISPATCHED
void tributary_round_block(
    float *restrict target, size_t target_stride, const double *restrict source, size_t source_stride, size_t rows,
    size_t columns) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++) {
            target[column] = (float)source[column];
        }
        target += target_stride;
        source += source_stride;
    }
}
