package import LinearAlgebra

/// By how much the numbers of an update differ from what it began with, read where they lie.
///
/// Clipping and adding up ten million numbers is all about memory. Nothing is copied here but the piece that is worked on,
/// which stays in a core's cache.
package struct StoredChange: Sendable {
    private struct Tensor: Sendable {
        /// Where its numbers stand among all.
        let range: Range<Int>
        let own: StoredMatrix
        /// `nil` for zeros.
        let start: StoredMatrix?
    }

    private var tensors: [Tensor] = []
    /// How many numbers there are.
    package private(set) var count = 0

    /// Creates a change of no numbers.
    package init() {}

    /// Creates a change whose numbers are in memory.
    package init(_ numbers: [Float]) {
        append(StoredMatrix(Matrix(rows: 1, columns: numbers.count, elements: numbers)))
    }

    /// Appends the change of one tensor.
    ///
    /// - Parameters:
    ///   - own: What it is.
    ///   - start: What it was, of the same shape; `nil` for zeros.
    package mutating func append(_ own: StoredMatrix, since start: StoredMatrix? = nil) {
        precondition(start.map { $0.count == own.count } ?? true, "a tensor is compared with one of another shape")
        tensors.append(Tensor(range: count..<count + own.count, own: own, start: start))
        count += own.count
    }

    /// How many numbers each tensor has.
    package var lengths: [Int] { tensors.map(\.range.count) }

    /// Lends some of the numbers for the length of the call.
    ///
    /// - Parameters:
    ///   - range: Which of them.
    ///   - scratch: At least as long as the range; its content is lost.
    ///   - body: Reads them.
    /// - Returns: What `body` returns.
    func withNumbers<Result>(
        in range: Range<Int>,
        scratch: inout [Float],
        _ body: (Span<Float>) -> Result
    ) -> Result {
        let touched = tensors.filter { $0.range.overlaps(range) }
        if touched.count == 1, touched[0].start == nil {
            let first = touched[0].range.lowerBound
            return touched[0].own.withElements {
                body($0.extracting(range.lowerBound - first..<range.upperBound - first))
            }
        }
        var numbers = scratch.mutableSpan
        for tensor in touched {
            let part = tensor.range.clamped(to: range)
            let first = tensor.range.lowerBound
            tensor.own.write(
                part.lowerBound - first..<part.upperBound - first,
                less: tensor.start,
                to: &numbers,
                at: part.lowerBound - range.lowerBound
            )
        }
        return body(scratch.span.extracting(0..<range.count))
    }

    /// Gives back the memory under some of the numbers, where they lie in a mapped file.
    func release(_ range: Range<Int>) {
        for tensor in tensors where tensor.range.overlaps(range) {
            let part = tensor.range.clamped(to: range)
            let first = tensor.range.lowerBound
            tensor.own.release(part.lowerBound - first..<part.upperBound - first)
        }
    }
}
