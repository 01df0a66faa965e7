import LinearAlgebra

/// Values and tensors that are to be written as a GGUF file, version 3, little-endian.
///
/// The layout is that of ``GGUFFile``; tensors begin at multiples of 32 bytes.
package struct GGUFDocument {
    /// A value of the header.
    package enum Value: Sendable {
        case text(String)
        case unsigned(UInt32)
        case float(Float)
    }

    /// One tensor to write.
    package struct Tensor: Sendable {
        package let name: String
        /// Outermost dimension first; the file has them the other way round.
        package let shape: [Int]
        package let elements: [Float]

        package init(name: String, shape: [Int], elements: [Float]) {
            precondition(elements.count == shape.reduce(1, *), "\(elements.count) elements do not fill \(shape)")
            self.name = name
            self.shape = shape
            self.elements = elements
        }
    }

    /// How tensors are stored: 32-bit floats, or half as many bits.
    package enum Precision: String, Sendable, CaseIterable {
        case f32, f16

        var encoding: GGUFEncoding { self == .f32 ? .f32 : .f16 }
        var format: ElementFormat { self == .f32 ? .binary32 : .binary16 }
    }

    private static let alignment = 32

    private let tensors: [Tensor]
    private let precision: Precision
    private let head: [UInt8]

    /// Writes the header.
    ///
    /// - Parameters:
    ///   - values: Named values, in this order; names are unique.
    ///   - tensors: The tensors, in this order; names are unique.
    ///   - precision: How elements are stored.
    package init(values: [(name: String, value: Value)], tensors: [Tensor], precision: Precision) {
        self.tensors = tensors
        self.precision = precision
        var head = Array("GGUF".utf8) + Self.bytes(of: UInt32(3))
        head += Self.bytes(of: UInt64(tensors.count)) + Self.bytes(of: UInt64(values.count))
        for (name, value) in values {
            head += Self.bytes(of: name)
            switch value {
            case .unsigned(let number): head += Self.bytes(of: UInt32(4)) + Self.bytes(of: number)
            case .float(let number): head += Self.bytes(of: UInt32(6)) + Self.bytes(of: number.bitPattern)
            case .text(let text): head += Self.bytes(of: UInt32(8)) + Self.bytes(of: text)
            }
        }
        var offset = 0
        for tensor in tensors {
            head += Self.bytes(of: tensor.name) + Self.bytes(of: UInt32(tensor.shape.count))
            for size in tensor.shape.reversed() { head += Self.bytes(of: UInt64(size)) }
            head += Self.bytes(of: precision.encoding.rawValue) + Self.bytes(of: UInt64(offset))
            let end = offset + tensor.elements.count * precision.format.byteCount
            offset = end + Self.padding(after: end)
        }
        head += [UInt8](repeating: 0, count: Self.padding(after: head.count))
        self.head = head
    }

    /// Hands the file to `body` piece by piece, a tensor at a time.
    package func forEachPiece<Failure: Error>(_ body: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
        try body(head)
        for tensor in tensors {
            let bytes = precision.format.encode(tensor.elements.span)
            try body(bytes + [UInt8](repeating: 0, count: Self.padding(after: bytes.count)))
        }
    }

    /// The whole file in memory.
    package func bytes() -> [UInt8] {
        var bytes: [UInt8] = []
        forEachPiece { bytes += $0 }
        return bytes
    }

    private static func padding(after count: Int) -> Int { (alignment - count % alignment) % alignment }

    private static func bytes<Integer: FixedWidthInteger>(of value: Integer) -> [UInt8] {
        (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func bytes(of text: String) -> [UInt8] { bytes(of: UInt64(text.utf8.count)) + Array(text.utf8) }
}
