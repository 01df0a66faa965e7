/// Why a factorization could not be computed.
package enum LinearAlgebraError: Error, Equatable {
    /// LAPACK's iteration stopped before it reached its accuracy; `info` is what the routine reported.
    case didNotConverge(routine: String, info: Int)
    /// The input, or a product of it, is infinite or not a number.
    case notFinite(operation: String)
    /// The route that was asked for cannot resolve the small singular values of this input.
    case illConditioned(operation: String)
}

extension LinearAlgebraError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .didNotConverge(let routine, let info):
            "LAPACK's \(routine) did not converge (info \(info)). Check the matrix for values of extreme size."
        case .notFinite(let operation):
            "The \(operation) met infinite or NaN values. Check the factors before they are combined."
        case .illConditioned(let operation):
            "The \(operation) cannot resolve this matrix's small singular values. Use the Householder route."
        }
    }
}
