#ifndef TRIBUTARY_CKERNELS_DECODER_H
#define TRIBUTARY_CKERNELS_DECODER_H

#include <stddef.h>
#include <stdint.h>

// The element-wise passes that a decoder of the Llama family needs beyond those of elementwise.h, compiled and chosen in
// the same way. All arrays are packed, row-major and of `rows * width` floats unless something else is said.

// y ← γ·x/√(mean(x²) + ε) in each row; 1/√(…) of each row is kept in `inverse_deviation` unless that is NULL.
void tributary_rms_norm(
    const float *x, const float *gamma, float epsilon, float *y, float *inverse_deviation, size_t rows, size_t width);

// y ← γ·x·inverse_deviation: the same y again.
void tributary_rms_norm_again(
    const float *x, const float *gamma, const float *inverse_deviation, float *y, size_t rows, size_t width);

// sum ← sum + the gradient of x, from the gradient of y.
void tributary_rms_norm_gradient(
    const float *x, const float *gamma, const float *inverse_deviation, const float *gradient, float *sum, size_t rows,
    size_t width);

// Turns each pair (i, i + half) of each head by its angle: (x₁, x₂) ← (x₁·c − x₂·s, x₂·c + x₁·s). `sign` is 1, or −1 to
// turn back. Row r of x holds `heads` heads of 2·half numbers; its angles are row r of `cosines` and `sines`.
void tributary_rotate(
    float *x, const float *cosines, const float *sines, float sign, size_t rows, size_t heads, size_t half);

// result ← SiLU(gate)·up.
void tributary_gated_silu(const float *gate, const float *up, float *result, size_t count);

// From the gradient of SiLU(gate)·up: gate ← the gradient of gate and up ← the gradient of up.
void tributary_gated_silu_gradient(const float *gradient, float *gate, float *up, size_t count);

// Row r of x ← softmax(scale · its first `first + r + 1` numbers), and zeros after them.
void tributary_causal_softmax(float *x, float scale, size_t first, size_t rows, size_t width);

// losses[r] ← −log softmax(row r)[targets[r]]. With `weight` not 0 the logits become their gradient,
// weight·(softmax − one-hot); with 0 they are left alone.
void tributary_cross_entropy(
    float *logits, const int32_t *targets, float weight, double *losses, size_t rows, size_t width);

#endif
