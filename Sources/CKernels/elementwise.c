#include "elementwise.h"

#include <math.h>
#include <string.h>

#include "vector_math.h"

// erf(|x|) for |x| below 1: |x| + |x|·R(x²), R minimax in relative error (1.2e-9).
static inline __attribute__((always_inline)) float erf_near(float magnitude) {
    const float z = magnitude * magnitude;
    float p = 7.853861461626366e-05f;
    p = p * z - 8.010193705558777e-04f;
    p = p * z + 5.188327748328447e-03f;
    p = p * z - 2.685381285846233e-02f;
    p = p * z + 1.128358542919159e-01f;
    p = p * z - 3.761262595653534e-01f;
    p = p * z + 1.283791661262512e-01f;
    return magnitude + magnitude * p;
}

// erfc(|x|) for |x| from 1 up: exp(−x²)·P(t), t = 1/(1 + 0.6·|x|), P minimax in absolute error (1e-9).
static inline __attribute__((always_inline)) float erfc_far(float magnitude, float exponential_of_minus_square) {
    const float t = 1.0f / (1.0f + 0.6f * magnitude);
    float p = 1.338047832250595e-01f;
    p = p * t - 5.294824838638306e-01f;
    p = p * t + 5.874402523040771e-01f;
    p = p * t + 9.088885784149170e-02f;
    p = p * t + 3.842839300632477e-01f;
    p = p * t + 3.325658440589905e-01f;
    p = p * t + 3.130796831101179e-04f;
    return p * exponential_of_minus_square;
}

DISPATCHED
void tributary_erf(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float magnitude = fabsf(x[i]);
        const float near = erf_near(magnitude);
        const float far = 1.0f - erfc_far(magnitude, exponential(-magnitude * magnitude));
        y[i] = copysignf(magnitude < 1.0f ? near : far, x[i]);
    }
}

// Φ(h) and exp(−h²/2), from which GELU(h) = h·Φ(h) and GELU'(h) = Φ(h) + h·φ(h).
static inline __attribute__((always_inline)) float normal_distribution(float h, float *bell) {
    const float magnitude = fabsf(h) * 0.70710678118654752f;
    *bell = exponential(-0.5f * h * h);
    const float near = 0.5f * erf_near(magnitude);
    const float far = 0.5f * erfc_far(magnitude, *bell);
    // Below zero the far tail is used as it is: no cancellation.
    const float above = magnitude < 1.0f ? 0.5f + near : 1.0f - far;
    const float below = magnitude < 1.0f ? 0.5f - near : far;
    return h < 0.0f ? below : above;
}

DISPATCHED
void tributary_bias_gelu(const float *h, const float *bias, float *g, float *derivative, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const size_t start = row * width;
        if (derivative == NULL) {
            ELEMENT_BY_ELEMENT _Pragma("clang loop interleave_count(2)")
            for (size_t i = 0; i < width; i++) {
                float bell;
                const float x = h[start + i] + bias[i];
                g[start + i] = x * normal_distribution(x, &bell);
            }
        } else {
            ELEMENT_BY_ELEMENT _Pragma("clang loop interleave_count(2)")
            for (size_t i = 0; i < width; i++) {
                float bell;
                const float x = h[start + i] + bias[i];
                const float phi = normal_distribution(x, &bell);
                g[start + i] = x * phi;
                derivative[start + i] = phi + x * bell * 0.39894228040143268f;
            }
        }
    }
}

// Only the pooler's one row a text goes through here: the C library's tanh is fast enough.
void tributary_bias_tanh(float *x, const float *bias, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < width; i++) x[row * width + i] = tanhf(x[row * width + i] + bias[i]);
}

DISPATCHED
void tributary_tanh_gradient(const float *y, float *gradient, size_t count) {
    for (size_t i = 0; i < count; i++) gradient[i] *= 1.0f - y[i] * y[i];
}

// z ← x + bias + residual, where bias and residual may be missing.
static inline __attribute__((always_inline)) void add_optional(
    const float *x, const float *bias, const float *residual, float *z, size_t width) {
    if (bias != NULL && residual != NULL) {
        ELEMENT_BY_ELEMENT
        for (size_t i = 0; i < width; i++) z[i] = x[i] + bias[i] + residual[i];
    } else if (bias != NULL) {
        ELEMENT_BY_ELEMENT
        for (size_t i = 0; i < width; i++) z[i] = x[i] + bias[i];
    } else if (residual != NULL) {
        ELEMENT_BY_ELEMENT
        for (size_t i = 0; i < width; i++) z[i] = x[i] + residual[i];
    } else if (z != x) {
        memmove(z, x, width * sizeof(float));
    }
}

DISPATCHED
void tributary_layer_norm(
    const float *x, const float *bias, const float *residual, const float *gamma, const float *beta, float epsilon,
    float *y, float *normalized, float *inverse_deviation, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *out = y + row * width;
        add_optional(x + row * width, bias, residual == NULL ? NULL : residual + row * width, out, width);
        const float mean = sum(out, width) / (float)width;
        for (size_t i = 0; i < width; i++) out[i] -= mean;
        const float variance = sum_of_products(out, out, width) / (float)width;
        const float inverse = 1.0f / sqrtf(variance + epsilon);
        if (normalized == NULL) {
            for (size_t i = 0; i < width; i++) out[i] = out[i] * inverse * gamma[i] + beta[i];
        } else {
            float *kept = normalized + row * width;
            for (size_t i = 0; i < width; i++) kept[i] = out[i] * inverse;
            for (size_t i = 0; i < width; i++) out[i] = kept[i] * gamma[i] + beta[i];
            inverse_deviation[row] = inverse;
        }
    }
}

DISPATCHED
void tributary_layer_norm_gradient(
    const float *normalized, const float *inverse_deviation, const float *gamma, float *gradient, size_t rows,
    size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const float *n = normalized + row * width;
        float *g = gradient + row * width;
        for (size_t i = 0; i < width; i++) g[i] *= gamma[i];
        const float mean = sum(g, width) / (float)width;
        const float along = sum_of_products(g, n, width) / (float)width;
        const float inverse = inverse_deviation[row];
        for (size_t i = 0; i < width; i++) g[i] = inverse * (g[i] - mean - n[i] * along);
    }
}

DISPATCHED
void tributary_softmax(float *x, float scale, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        float *values = x + row * width;
        float lanes[LANES];
        for (int lane = 0; lane < LANES; lane++) lanes[lane] = values[0] * scale;
        size_t i = 0;
        for (; i + LANES <= width; i += LANES)
            for (int lane = 0; lane < LANES; lane++) {
                const float value = values[i + lane] * scale;
                lanes[lane] = value > lanes[lane] ? value : lanes[lane];
            }
        for (int lane = 0; i < width; i++, lane++) {
            const float value = values[i] * scale;
            lanes[lane] = value > lanes[lane] ? value : lanes[lane];
        }
        float largest = lanes[0];
        for (int lane = 1; lane < LANES; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
        for (i = 0; i < width; i++) values[i] = exponential(values[i] * scale - largest);
        const float inverse = 1.0f / sum(values, width);
        for (i = 0; i < width; i++) values[i] *= inverse;
    }
}

DISPATCHED
void tributary_softmax_gradient(const float *p, float *gradient, float scale, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++) {
        const float *probability = p + row * width;
        float *g = gradient + row * width;
        const float along = sum_of_products(probability, g, width);
        for (size_t i = 0; i < width; i++) g[i] = scale * probability[i] * (g[i] - along);
    }
}

DISPATCHED
void tributary_add_bias(float *x, const float *bias, size_t rows, size_t width) {
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < width; i++) x[row * width + i] += bias[i];
}

DISPATCHED
void tributary_add_three(const float *a, const float *b, const float *c, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i] + c[i];
}

DISPATCHED
void tributary_multiply(const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] *= x[i];
}

DISPATCHED
void tributary_add_scaled(float a, const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += a * x[i];
}

DISPATCHED
float tributary_dot(const float *x, const float *y, size_t count) {
    return sum_of_products(x, y, count);
}

// 24 random bits for an index: MurmurHash3's finalizer, once with each half of the seed.
static inline __attribute__((always_inline)) uint32_t random_bits(uint32_t index, uint64_t seed) {
    uint32_t h = index * 0x9E3779B1u ^ (uint32_t)seed;
    h ^= h >> 16;
    h *= 0x85EBCA6Bu;
    h ^= h >> 13;
    h *= 0xC2B2AE35u;
    h ^= (h >> 16) ^ (uint32_t)(seed >> 32);
    h *= 0x85EBCA6Bu;
    h ^= h >> 13;
    h *= 0xC2B2AE35u;
    return (h ^ (h >> 16)) >> 8;
}

static inline __attribute__((always_inline)) float kept_or_zero(
    float x, uint32_t index, uint64_t seed, uint32_t threshold, float scale) {
    return random_bits(index, seed) < threshold ? 0.0f : x * scale;
}

DISPATCHED
void tributary_dropout(const float *x, float *y, float probability, uint64_t seed, size_t count) {
    const uint32_t threshold = (uint32_t)(probability * 0x1p24f);
    const float scale = 1.0f / (1.0f - probability);
    for (size_t i = 0; i < count; i++) y[i] = kept_or_zero(x[i], (uint32_t)i, seed, threshold, scale);
}

DISPATCHED
void tributary_add_dropout(const float *x, float *y, float probability, uint64_t seed, size_t count) {
    const uint32_t threshold = (uint32_t)(probability * 0x1p24f);
    const float scale = 1.0f / (1.0f - probability);
    for (size_t i = 0; i < count; i++) y[i] += kept_or_zero(x[i], (uint32_t)i, seed, threshold, scale);
}

// The order of operations is that of torch.optim.AdamW, so that one step agrees to the last bits.
DISPATCHED
void tributary_adamw(
    float *parameters, const float *gradient, float *first_moment, float *second_moment,
    struct tributary_adamw_step step, size_t count) {
    const float one_minus_beta1 = 1.0f - step.beta1;
    const float one_minus_beta2 = 1.0f - step.beta2;
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i];
        const float m = first_moment[i] + (g - first_moment[i]) * one_minus_beta1;
        const float v = second_moment[i] * step.beta2 + g * g * one_minus_beta2;
        const float denominator = __builtin_elementwise_sqrt(v) / step.second_correction + step.epsilon;
        first_moment[i] = m;
        second_moment[i] = v;
        parameters[i] = parameters[i] * step.decay - step.step_size * (m / denominator);
    }
}

DISPATCHED
void tributary_sgd(
    float *parameters, const float *gradient, float *velocity, float learning_rate, float momentum,
    float weight_decay, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float v = momentum * velocity[i] + (gradient[i] + weight_decay * parameters[i]);
        velocity[i] = v;
        parameters[i] -= learning_rate * v;
    }
}
