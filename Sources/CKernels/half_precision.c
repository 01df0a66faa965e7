#include "CKernels.h"

#include <string.h>

// Both directions of binary16 let the floating-point unit round and normalise, so that the loops have no branch and
// become vector code on every instruction set. The multiplications are exact.

static inline uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t load(const void *halves, size_t index) {
    uint16_t half;
    memcpy(&half, (const char *)halves + index * sizeof half, sizeof half);
    return half;
}

static inline void store(uint32_t value, void *halves, size_t index) {
    const uint16_t half = (uint16_t)value;
    memcpy((char *)halves + index * sizeof half, &half, sizeof half);
}

TRIBUTARY_DISPATCHED
void tributary_widen_binary16(const void *restrict source, float *restrict target, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint32_t word = load(source, i) << 16;
        const uint32_t sign = word & 0x80000000u;
        const uint32_t magnitude = word << 1;
        // Normal: exponent and mantissa in binary32's places, rebased from 15 to 127: up by 224 so that infinity and NaN
        // reach binary32's own, and down by 112 as a product, which leaves those two alone.
        const float normal = float_of((magnitude >> 4) + (0xE0u << 23)) * 0x1.0p-112f;
        // Subnormal: the mantissa below the point of 0.5 + m·2⁻²⁴, and the 0.5 taken off again.
        const float subnormal = float_of((magnitude >> 17) | (126u << 23)) - 0.5f;
        const uint32_t value = magnitude < (1u << 27) ? bits_of(subnormal) : bits_of(normal);
        target[i] = float_of(sign | value);
    }
}

TRIBUTARY_DISPATCHED
void tributary_round_to_binary16(const float *restrict source, void *restrict target, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint32_t word = bits_of(source[i]);
        const uint32_t sign = word & 0x80000000u;
        const uint32_t shifted = word << 1;
        // 2¹¹² overflows what is beyond binary16; 2⁻¹¹⁰ brings the rest back, four times as large as it was.
        const float base = (float_of(word ^ sign) * 0x1.0p+112f) * 0x1.0p-110f;
        // Adding a power of two whose last bit has the weight of the result's last bit rounds to nearest even. The
        // power follows the exponent, and stops where binary16 becomes subnormal.
        uint32_t exponent = shifted & 0xFF000000u;
        exponent = exponent < 0x71000000u ? 0x71000000u : exponent;
        const uint32_t rounded = bits_of(float_of((exponent >> 1) + 0x07800000u) + base);
        const uint32_t value = ((rounded >> 13) & 0x7C00u) + (rounded & 0x0FFFu);
        store((sign >> 16) | (shifted > 0xFF000000u ? 0x7E00u : value), target, i);
    }
}

TRIBUTARY_DISPATCHED
void tributary_widen_bfloat16(const void *restrict source, float *restrict target, size_t count) {
    for (size_t i = 0; i < count; i++) {
        target[i] = float_of(load(source, i) << 16);
    }
}

TRIBUTARY_DISPATCHED
void tributary_round_to_bfloat16(const float *restrict source, void *restrict target, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint32_t word = bits_of(source[i]);
        const uint32_t rounded = (word + 0x7FFFu + ((word >> 16) & 1u)) >> 16;
        const uint32_t quiet = (word >> 16 & 0x8000u) | 0x7FC0u;
        store((word & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded, target, i);
    }
}
