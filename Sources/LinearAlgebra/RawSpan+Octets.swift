extension RawSpan {
    /// Lends the bytes as a span of octets, for parsers that look at one at a time.
    package func withOctets<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe withUnsafeBytes { (buffer: UnsafeRawBufferPointer) throws(Failure) -> Result in
            let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return try body(unsafe UnsafeBufferPointer(start: start, count: buffer.count).span)
        }
    }
}
