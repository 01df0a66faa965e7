private import COpenBLAS

/// The thread count of the BLAS library, set once when a program starts.
package enum BLASThreads {
    /// Makes every BLAS and LAPACK call run on the thread that makes it.
    ///
    /// Work is spread over layers and clients with tasks instead: OpenBLAS's own workers spin while they wait, so two of
    /// them under load take ten times as long, and the bits of a product depend on how many there are.
    package static func useCallingThreadOnly() {
        openblas_set_num_threads(1)
    }
}
