#ifndef TRIBUTARY_COPENBLAS_SHIM_H
#define TRIBUTARY_COPENBLAS_SHIM_H

#include <cblas.h>

// Debian's libopenblas-dev ships no lapacke.h, but the library exports LAPACK's Fortran symbols. Each routine that
// LinearAlgebra calls is declared here. All of them are column-major: a row-major matrix is its own transpose to them.

#endif
