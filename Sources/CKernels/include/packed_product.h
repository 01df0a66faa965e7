#ifndef TRIBUTARY_CKERNELS_PACKED_PRODUCT_H
#define TRIBUTARY_CKERNELS_PACKED_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

// Matrix products whose right-hand factor has been laid out beforehand. A row of the result depends on its own row of
// the left-hand factor alone and not on how many others there are: its bits are the same in any product.
//
// The right-hand factor W, k×n, lies in panels of sixteen columns, one after the other and each k×16, row by row; the
// last is filled up with zeros.

enum { tributary_panel_width = 16 };

// Lays out W: element (i, j) is w[i * row_stride + j * column_stride]. `panels` takes ceil(n / 16) · 16 · k floats.
void tributary_pack_panels(
    const float *w, size_t row_stride, size_t column_stride, size_t k, size_t n, float *panels);

// Y ← X·W, or Y ← Y + X·W when `adding`. Element (i, j) of X, m×k, is x[i * row_stride + j * column_stride]; the rows of
// Y, m×n, start `y_stride` floats apart.
void tributary_multiply_panels(
    const float *x, size_t row_stride, size_t column_stride, const float *panels, float *y, size_t y_stride, size_t m,
    size_t n, size_t k, bool adding);

#endif
