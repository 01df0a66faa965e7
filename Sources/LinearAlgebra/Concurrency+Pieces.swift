extension Concurrency {
    /// Changes an array in place, piece by piece.
    ///
    /// - Parameters:
    ///   - elements: Lent to `body` in consecutive pieces.
    ///   - length: How many elements a piece has, at least 1; the last may have fewer.
    ///   - threads: How many pieces may be worked on at once.
    ///   - body: Changes one piece, given where in the array it lies.
    package static func forEachPiece<Element: BitwiseCopyable & Sendable>(
        of elements: inout [Element],
        length: Int,
        threads: Int = processorCount,
        _ body: @Sendable (Range<Int>, inout MutableSpan<Element>) -> Void
    ) {
        precondition(length > 0, "pieces of \(length) elements")
        let count = elements.count
        var pieces = stride(from: 0, to: count, by: length).map { $0..<min($0 + length, count) }
        unsafe elements.withUnsafeMutableBufferPointer { buffer in
            // Pieces do not overlap, each is given to one call alone, and the buffer outlives all of them.
            nonisolated(unsafe) let shared = unsafe buffer
            forEach(in: &pieces, threads: threads) { _, range in
                var piece = unsafe UnsafeMutableBufferPointer(rebasing: shared[range]).mutableSpan
                body(range, &piece)
            }
        }
    }
}
