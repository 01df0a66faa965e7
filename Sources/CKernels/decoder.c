#include "decoder.h"

#include "vector_math.h"

DISPATCHED
void tributary_rms_norm(
    const float *x, const float *gamma, float epsilon, float *y, float *inverse_deviation, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * width;
        float *out = y + row * width;
        const float inverse = 1.0f / sqrtf(sum_of_products(in, in, width) / (float)width + epsilon);
        ELEMENT_BY_ELEMENT
        for (size_t i = 0; i < width; i++) out[i] = in[i] * inverse * gamma[i];
        if (inverse_deviation != NULL) inverse_deviation[row] = inverse;
    }
}

DISPATCHED
void tributary_rms_norm_again(
    const float *x, const float *gamma, const float *inverse_deviation, float *y, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * width;
        float *out = y + row * width;
        const float inverse = inverse_deviation[row];
        ELEMENT_BY_ELEMENT
        for (size_t i = 0; i < width; i++) out[i] = in[i] * inverse * gamma[i];
    }
}

static inline __attribute__((always_inline)) float sum_of_triple_products(
    const float *x, const float *y, const float *z, size_t count) {
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] += x[i + lane] * y[i + lane] * z[i + lane];
    for (int lane = 0; i < count; i++, lane++) lanes[lane] += x[i] * y[i] * z[i];
    return sum_of_lanes(lanes);
}

// With n = x·inverse: dx = inverse·(γ·g − n·mean(γ·g·n)).
DISPATCHED
void tributary_rms_norm_gradient(
    const float *x, const float *gamma, const float *inverse_deviation, const float *gradient, float *sum, size_t rows,
    size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const float *in = x + row * width;
        const float *g = gradient + row * width;
        float *out = sum + row * width;
        const float inverse = inverse_deviation[row];
        const float along = sum_of_triple_products(in, g, gamma, width) / (float)width * inverse * inverse;
        ELEMENT_BY_ELEMENT
        for (size_t i = 0; i < width; i++) out[i] += inverse * (gamma[i] * g[i] - in[i] * along);
    }
}

DISPATCHED
void tributary_rotate(
    float *x, const float *cosines, const float *sines, float sign, size_t rows, size_t heads, size_t half) {
    for (size_t row = 0; row < rows; row++) {
        const float *c = cosines + row * half;
        const float *s = sines + row * half;
        for (size_t head = 0; head < heads; head++) {
            float *first = x + (row * heads + head) * 2 * half;
            float *second = first + half;
            ELEMENT_BY_ELEMENT
            for (size_t i = 0; i < half; i++) {
                const float a = first[i], b = second[i], sine = sign * s[i];
                first[i] = a * c[i] - b * sine;
                second[i] = b * c[i] + a * sine;
            }
        }
    }
}

static inline __attribute__((always_inline)) float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

DISPATCHED
void tributary_gated_silu(const float *gate, const float *up, float *result, size_t count) {
    ELEMENT_BY_ELEMENT _Pragma("clang loop interleave_count(2)")
    for (size_t i = 0; i < count; i++) result[i] = gate[i] * sigmoid(gate[i]) * up[i];
}

DISPATCHED
void tributary_gated_silu_gradient(const float *gradient, float *gate, float *up, size_t count) {
    ELEMENT_BY_ELEMENT _Pragma("clang loop interleave_count(2)")
    for (size_t i = 0; i < count; i++) {
        const float x = gate[i], u = up[i], g = gradient[i];
        const float s = sigmoid(x);
        gate[i] = g * u * s * (1.0f + x * (1.0f - s));
        up[i] = g * x * s;
    }
}

static inline __attribute__((always_inline)) float largest(const float *x, size_t count) {
    float lanes[LANES];
    for (int lane = 0; lane < LANES; lane++) lanes[lane] = x[0];
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    for (int lane = 0; i < count; i++, lane++) lanes[lane] = x[i] > lanes[lane] ? x[i] : lanes[lane];
    float result = lanes[0];
    for (int lane = 1; lane < LANES; lane++) result = lanes[lane] > result ? lanes[lane] : result;
    return result;
}

DISPATCHED
void tributary_causal_softmax(float *x, float scale, size_t first, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *values = x + row * width;
        const size_t seen = first + row + 1 < width ? first + row + 1 : width;
        // The scale is positive.
        const float top = largest(values, seen) * scale;
        for (size_t i = 0; i < seen; i++) values[i] = exponential(values[i] * scale - top);
        const float inverse = 1.0f / sum(values, seen);
        for (size_t i = 0; i < seen; i++) values[i] *= inverse;
        for (size_t i = seen; i < width; i++) values[i] = 0.0f;
    }
}

// Σ exp(x − top), in chunks so that a long row loses no digits.
static inline __attribute__((always_inline)) double sum_of_exponentials(const float *x, float top, size_t count) {
    enum { CHUNK = 4096 };
    double total = 0;
    for (size_t start = 0; start < count; start += CHUNK) {
        const size_t end = start + CHUNK < count ? start + CHUNK : count;
        float lanes[LANES] = {0};
        size_t i = start;
        for (; i + LANES <= end; i += LANES)
            for (int lane = 0; lane < LANES; lane++) lanes[lane] += exponential(x[i + lane] - top);
        for (int lane = 0; i < end; i++, lane++) lanes[lane] += exponential(x[i] - top);
        total += (double)sum_of_lanes(lanes);
    }
    return total;
}

DISPATCHED
void tributary_cross_entropy(
    float *logits, const int32_t *targets, float weight, double *losses, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *values = logits + row * width;
        const float top = largest(values, width);
        const float aimed = values[targets[row]];
        const double total = sum_of_exponentials(values, top, width);
        losses[row] = log(total) + (double)top - (double)aimed;
        if (weight == 0.0f) continue;
        const float scale = weight / (float)total;
        for (size_t i = 0; i < width; i++) values[i] = exponential(values[i] - top) * scale;
        values[targets[row]] -= weight;
    }
}
