#ifndef TRIBUTARY_COPENBLAS_SHIM_H
#define TRIBUTARY_COPENBLAS_SHIM_H

#include <cblas.h>
#include <stddef.h>

// Debian's libopenblas-dev ships no lapacke.h, but the library exports LAPACK's Fortran symbols. Each routine that
// LinearAlgebra calls is declared here. All of them are column-major: a row-major matrix is its own transpose to them.
//
// Fortran compilers append the length of every string argument. A callee may reuse the stack slots of its arguments, so
// the lengths are declared and passed although each string is one letter long.

/// QR factorization: A = Q·R by Householder reflectors, left below R's diagonal and in `tau`.
void sgeqrf_(
    const blasint *m, const blasint *n, float *a, const blasint *lda, float *tau, float *work, const blasint *lwork,
    blasint *info);
void dgeqrf_(
    const blasint *m, const blasint *n, double *a, const blasint *lda, double *tau, double *work,
    const blasint *lwork, blasint *info);

/// The columns of Q, written out, from what sgeqrf leaves.
void sorgqr_(
    const blasint *m, const blasint *n, const blasint *k, float *a, const blasint *lda, const float *tau, float *work,
    const blasint *lwork, blasint *info);

/// C ← op(Q)·C or C·op(Q), with Q as sgeqrf and dgeqrf leave it.
void sormqr_(
    const char *side, const char *trans, const blasint *m, const blasint *n, const blasint *k, const float *a,
    const blasint *lda, const float *tau, float *c, const blasint *ldc, float *work, const blasint *lwork,
    blasint *info, size_t side_length, size_t trans_length);
void dormqr_(
    const char *side, const char *trans, const blasint *m, const blasint *n, const blasint *k, const double *a,
    const blasint *lda, const double *tau, double *c, const blasint *ldc, double *work, const blasint *lwork,
    blasint *info, size_t side_length, size_t trans_length);

/// Singular value decomposition A = U·Σ·Vᵀ by divide and conquer.
void sgesdd_(
    const char *jobz, const blasint *m, const blasint *n, float *a, const blasint *lda, float *s, float *u,
    const blasint *ldu, float *vt, const blasint *ldvt, float *work, const blasint *lwork, blasint *iwork,
    blasint *info, size_t jobz_length);
void dgesdd_(
    const char *jobz, const blasint *m, const blasint *n, double *a, const blasint *lda, double *s, double *u,
    const blasint *ldu, double *vt, const blasint *ldvt, double *work, const blasint *lwork, blasint *iwork,
    blasint *info, size_t jobz_length);

/// Eigenvalues, ascending, and eigenvectors of a symmetric matrix by divide and conquer.
void dsyevd_(
    const char *jobz, const char *uplo, const blasint *n, double *a, const blasint *lda, double *w, double *work,
    const blasint *lwork, blasint *iwork, const blasint *liwork, blasint *info, size_t jobz_length,
    size_t uplo_length);

/// Some eigenvalues, ascending, and their eigenvectors of a symmetric matrix.
void dsyevr_(
    const char *jobz, const char *range, const char *uplo, const blasint *n, double *a, const blasint *lda,
    const double *vl, const double *vu, const blasint *il, const blasint *iu, const double *abstol, blasint *m,
    double *w, double *z, const blasint *ldz, blasint *isuppz, double *work, const blasint *lwork, blasint *iwork,
    const blasint *liwork, blasint *info, size_t jobz_length, size_t range_length, size_t uplo_length);

/// Cholesky factorization with complete pivoting of a positive semidefinite matrix: PᵀAP = UᵀU.
void dpstrf_(
    const char *uplo, const blasint *n, double *a, const blasint *lda, blasint *piv, blasint *rank,
    const double *tol, double *work, blasint *info, size_t uplo_length);

#endif
