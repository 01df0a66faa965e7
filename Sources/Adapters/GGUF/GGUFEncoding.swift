/// How a GGUF file stores the elements of a tensor.
package enum GGUFEncoding: UInt32, Sendable, Hashable {
    case f32 = 0
    case f16 = 1
    /// Q4_1, blocks of 32: a half-precision d and m, and 32 numbers q of four bits; an element is d·q + m.
    case q41 = 3
    /// Q8_0, blocks of 32: a half-precision d and 32 signed bytes q; an element is d·q.
    case q80 = 8

    private static let blockWidth = 32

    /// How many bytes `count` elements in rows of `width` take; `nil` where rows are no whole number of blocks.
    func byteCount(of count: Int, width: Int) -> Int? {
        let (blocks, blockBytes): (Int, Int)
        switch self {
        case .f32: (blocks, blockBytes) = (count, 4)
        case .f16: (blocks, blockBytes) = (count, 2)
        case .q41, .q80:
            guard width % Self.blockWidth == 0 else { return nil }
            (blocks, blockBytes) = (count / Self.blockWidth, self == .q41 ? 20 : 34)
        }
        let (bytes, overflows) = blocks.multipliedReportingOverflow(by: blockBytes)
        return overflows ? nil : bytes
    }

    /// Returns the elements of whole blocks.
    func decode(_ bytes: ArraySlice<UInt8>) -> [Float] {
        let start = bytes.startIndex
        func half(_ place: Int) -> Float {
            Float(Float16(bitPattern: UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8))
        }
        switch self {
        case .f32:
            return stride(from: start, to: bytes.endIndex, by: 4).map { place in
                Float(
                    bitPattern: UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2]) << 16
                        | UInt32(bytes[place + 3]) << 24
                )
            }
        case .f16: return stride(from: start, to: bytes.endIndex, by: 2).map(half)
        case .q80:
            var elements: [Float] = []
            elements.reserveCapacity(bytes.count / 34 * Self.blockWidth)
            for block in stride(from: start, to: bytes.endIndex, by: 34) {
                let d = half(block)
                for byte in bytes[block + 2..<block + 34] { elements.append(d * Float(Int8(bitPattern: byte))) }
            }
            return elements
        case .q41:
            var elements: [Float] = []
            elements.reserveCapacity(bytes.count / 20 * Self.blockWidth)
            for block in stride(from: start, to: bytes.endIndex, by: 20) {
                let (d, m) = (half(block), half(block + 2))
                // The low halves of the bytes come first.
                for byte in bytes[block + 4..<block + 20] { elements.append(d * Float(byte & 15) + m) }
                for byte in bytes[block + 4..<block + 20] { elements.append(d * Float(byte >> 4) + m) }
            }
            return elements
        }
    }
}
