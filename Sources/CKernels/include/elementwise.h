#ifndef TRIBUTARY_CKERNELS_ELEMENTWISE_H
#define TRIBUTARY_CKERNELS_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

// The element-wise passes of a transformer and its optimizers, each compiled for AVX-512, AVX2 and the baseline and
// chosen when the program starts. All arrays are packed, row-major and of `rows * width` or `count` floats. NaN goes in
// and comes out: nothing here hides a broken number. Callers (LinearAlgebra) check the sizes.

// y ← erf(x), with an absolute error below 1e-7.
void tributary_erf(const float *x, float *y, size_t count);

// g ← GELU(h + bias) in the exact form h·Φ(h). With `derivative` not NULL also derivative ← GELU'(h + bias).
// `g` and `derivative` may each be `h`.
void tributary_bias_gelu(const float *h, const float *bias, float *g, float *derivative, size_t rows, size_t width);

// x ← tanh(x + bias).
void tributary_bias_tanh(float *x, const float *bias, size_t rows, size_t width);

// gradient ← gradient · (1 − y²), with y = tanh(…).
void tributary_tanh_gradient(const float *y, float *gradient, size_t count);

// y ← γ·n + β, n = (z − mean) / √(variance + ε) for each row of z = x + bias + residual.
// `bias` and `residual` may be NULL. With `normalized` not NULL n is kept there, and 1/√(variance + ε) of each row in
// `inverse_deviation`.
void tributary_layer_norm(
    const float *x, const float *bias, const float *residual, const float *gamma, const float *beta, float epsilon,
    float *y, float *normalized, float *inverse_deviation, size_t rows, size_t width);

// gradient (of y) ← gradient of z, from what `tributary_layer_norm` kept.
void tributary_layer_norm_gradient(
    const float *normalized, const float *inverse_deviation, const float *gamma, float *gradient, size_t rows,
    size_t width);

// Each row of x ← softmax(scale · row).
void tributary_softmax(float *x, float scale, size_t rows, size_t width);

// gradient (of the probabilities p) ← gradient of x, for p = softmax(scale · x).
void tributary_softmax_gradient(const float *p, float *gradient, float scale, size_t rows, size_t width);

// x ← x + bias in each row.
void tributary_add_bias(float *x, const float *bias, size_t rows, size_t width);

// y ← a + b + c.
void tributary_add_three(const float *a, const float *b, const float *c, float *y, size_t count);

// y ← y · x.
void tributary_multiply(const float *x, float *y, size_t count);

// y ← y + a·x.
void tributary_add_scaled(float a, const float *x, float *y, size_t count);

// Returns Σ x·y.
float tributary_dot(const float *x, const float *y, size_t count);

// y ← x with each element either zeroed, with the given probability, or divided by 1 − probability. Which ones depends on
// `seed` and on the element's index alone.
void tributary_dropout(const float *x, float *y, float probability, uint64_t seed, size_t count);

// y ← y + dropout(x), with the same choice as `tributary_dropout`.
void tributary_add_dropout(const float *x, float *y, float probability, uint64_t seed, size_t count);

// What one step of AdamW needs beside its arrays.
struct tributary_adamw_step {
    float learning_rate;
    float beta1;
    float beta2;
    float epsilon;
    // 1 − learning rate · weight decay.
    float decay;
    // learning rate / (1 − β₁ᵗ).
    float step_size;
    // √(1 − β₂ᵗ).
    float second_correction;
};

// One step of AdamW, with decoupled weight decay, in one pass.
void tributary_adamw(
    float *parameters, const float *gradient, float *first_moment, float *second_moment,
    struct tributary_adamw_step step, size_t count);

// One step of SGD with heavy-ball momentum: v ← µ·v + (g + λ·p), p ← p − η·v.
void tributary_sgd(
    float *parameters, const float *gradient, float *velocity, float learning_rate, float momentum,
    float weight_decay, size_t count);

#endif
