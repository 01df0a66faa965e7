#include "packed_product.h"

#include <string.h>

// Sixteen floats at any address: one register of AVX-512, two of AVX2, four of the baseline.
typedef float vector __attribute__((vector_size(64), aligned(4)));

enum { WIDTH = tributary_panel_width };

#define INLINED static inline __attribute__((always_inline))

typedef float four __attribute__((vector_size(16), aligned(4)));

// Four rows of four floats become four columns.
INLINED void transpose_four(const float *source, size_t stride, float *target, size_t target_stride) {
    const four a = *(const four *)source, b = *(const four *)(source + stride);
    const four c = *(const four *)(source + 2 * stride), d = *(const four *)(source + 3 * stride);
    const four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four *)target = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(four *)(target + target_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(four *)(target + 2 * target_stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(four *)(target + 3 * target_stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

void tributary_pack_panels(
    const float *w, size_t row_stride, size_t column_stride, size_t k, size_t n, float *panels) {
    for (size_t column = 0; column < n; column += WIDTH) {
        const size_t width = n - column < WIDTH ? n - column : WIDTH;
        const float *source = w + column * column_stride;
        float *panel = panels + column * k;
        size_t i = 0;
        if (column_stride == 1 && width == WIDTH) {
            for (; i < k; i++) memcpy(panel + i * WIDTH, source + i * row_stride, WIDTH * sizeof(float));
        } else if (row_stride == 1 && width == WIDTH) {
            for (; i + 4 <= k; i += 4)
                for (size_t j = 0; j < WIDTH; j += 4)
                    transpose_four(source + i + j * column_stride, column_stride, panel + i * WIDTH + j, WIDTH);
        }
        for (; i < k; i++) {
            for (size_t j = 0; j < width; j++) panel[i * WIDTH + j] = source[i * row_stride + j * column_stride];
            for (size_t j = width; j < WIDTH; j++) panel[i * WIDTH + j] = 0.0f;
        }
    }
}

// Y ← (Y +) X·W for `rows` rows of X and `count` panels, with every sum in a register from its first term to its last.
// Whatever the number of rows, an element is the same chain of multiplications and additions.
INLINED void multiply_tile(
    const float *x, size_t row_stride, size_t column_stride, const float *panels, float *y, size_t y_stride, size_t k,
    size_t columns, bool adding, const size_t rows, const size_t count) {
    vector sums[rows][count];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t p = 0; p < count; p++) sums[i][p] = (vector){0};
    for (size_t j = 0; j < k; j++) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            const float value = x[i * row_stride + j * column_stride];
#pragma clang loop unroll(full)
            for (size_t p = 0; p < count; p++) sums[i][p] += value * *(const vector *)(panels + (p * k + j) * WIDTH);
        }
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t p = 0; p < count; p++) {
            float *target = y + i * y_stride + p * WIDTH;
            const size_t left = columns - p * WIDTH;
            if (left >= WIDTH) {
                *(vector *)target = adding ? *(const vector *)target + sums[i][p] : sums[i][p];
            } else {
                float values[WIDTH];
                memcpy(values, &sums[i][p], sizeof values);
                for (size_t j = 0; j < left; j++) target[j] = adding ? target[j] + values[j] : values[j];
            }
        }
    }
}

// How many floats of X are gone through for one panel after the other: what the second-level cache keeps.
enum { BLOCK = 65536 };

// One function for each instruction set: `tallest` rows of `count` panels are what its registers hold.
#define MULTIPLY(name, target, tallest, count) \
    target static void name( \
        const float *x, size_t row_stride, size_t column_stride, const float *panels, float *y, size_t y_stride, \
        size_t m, size_t n, size_t k, bool adding) { \
        size_t height = BLOCK / (k + 1) / tallest * tallest; \
        if (height < 4 * tallest) height = 4 * tallest; \
        for (size_t first = 0; first < m; first += height) { \
            const size_t end = m - first < height ? m : first + height; \
            size_t column = 0; \
            for (; column + (count - 1) * WIDTH < n; column += count * WIDTH) \
                multiply_rows_##tallest( \
                    x, row_stride, column_stride, panels + column * k, y + column, y_stride, first, end, n - column, k, \
                    adding, count); \
            for (; column < n; column += WIDTH) \
                multiply_rows_##tallest( \
                    x, row_stride, column_stride, panels + column * k, y + column, y_stride, first, end, n - column, k, \
                    adding, 1); \
        } \
    }

#define TILE(rows) \
    multiply_tile( \
        x + row * row_stride, row_stride, column_stride, panels, y + row * y_stride, y_stride, k, columns, adding, rows, \
        count)

#define REST(rows) \
    case rows: TILE(rows); break;

#define MULTIPLY_ROWS(tallest, rests) \
    INLINED void multiply_rows_##tallest( \
        const float *x, size_t row_stride, size_t column_stride, const float *panels, float *y, size_t y_stride, \
        size_t first, size_t end, size_t columns, size_t k, bool adding, const size_t count) { \
        size_t row = first; \
        for (; row + tallest <= end; row += tallest) TILE(tallest); \
        switch (end - row) { rests } \
    }

MULTIPLY_ROWS(2, REST(1))
MULTIPLY_ROWS(6, REST(1) REST(2) REST(3) REST(4) REST(5))
MULTIPLY_ROWS(12, REST(1) REST(2) REST(3) REST(4) REST(5) REST(6) REST(7) REST(8) REST(9) REST(10) REST(11))

#if defined(__x86_64__) && defined(__linux__)

// Without a word compilers halve vectors of this width, for processors that slow down under it; the tile then fits no registers.
MULTIPLY(multiply_v4, __attribute__((target("arch=x86-64-v4"), min_vector_width(512))), 12, 2)
MULTIPLY(multiply_v3, __attribute__((target("arch=x86-64-v3"))), 6, 1)
MULTIPLY(multiply_baseline, , 2, 1)

void tributary_multiply_panels(
    const float *x, size_t row_stride, size_t column_stride, const float *panels, float *y, size_t y_stride, size_t m,
    size_t n, size_t k, bool adding) {
    if (__builtin_cpu_supports("x86-64-v4"))
        multiply_v4(x, row_stride, column_stride, panels, y, y_stride, m, n, k, adding);
    else if (__builtin_cpu_supports("x86-64-v3"))
        multiply_v3(x, row_stride, column_stride, panels, y, y_stride, m, n, k, adding);
    else
        multiply_baseline(x, row_stride, column_stride, panels, y, y_stride, m, n, k, adding);
}

#else

MULTIPLY(multiply_baseline, , 6, 1)

void tributary_multiply_panels(
    const float *x, size_t row_stride, size_t column_stride, const float *panels, float *y, size_t y_stride, size_t m,
    size_t n, size_t k, bool adding) {
    multiply_baseline(x, row_stride, column_stride, panels, y, y_stride, m, n, k, adding);
}

#endif
