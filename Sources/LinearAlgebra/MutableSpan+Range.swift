extension MutableSpan where Element == Float {
    /// Lends the elements in `range` for writing, for the length of the call.
    package mutating func withElements<Result, Failure: Error>(
        in range: Range<Int>,
        _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count) elements")
        return try unsafe withUnsafeMutableBufferPointer { (buffer) throws(Failure) in
            var part = unsafe UnsafeMutableBufferPointer(rebasing: buffer[range]).mutableSpan
            return try body(&part)
        }
    }

    /// Copies `source`, which is as long.
    package mutating func copy(_ source: Span<Float>) {
        precondition(source.count == count, "\(source.count) elements are copied to \(count)")
        unsafe withUnsafeMutableBufferPointer { target in
            unsafe source.withUnsafeBufferPointer { source in
                _ = unsafe target.update(fromContentsOf: source)
            }
        }
    }
}
