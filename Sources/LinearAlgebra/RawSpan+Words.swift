extension RawSpan {
    /// Returns the bytes as 64-bit words, which they hold in little-endian order at any address.
    ///
    /// - Precondition: The number of bytes is a multiple of 8.
    package func littleEndianWords() -> [UInt64] {
        precondition(byteCount.isMultiple(of: 8), "\(byteCount) bytes are not whole words")
        return unsafe [UInt64](unsafeUninitializedCapacity: byteCount / 8) { words, count in
            count = byteCount / 8
            unsafe withUnsafeBytes { bytes in
                for index in 0..<count {
                    let word = unsafe bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                    unsafe words.initializeElement(at: index, to: UInt64(littleEndian: word))
                }
            }
        }
    }
}
