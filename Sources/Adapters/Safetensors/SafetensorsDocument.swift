import LinearAlgebra

/// Tensors that are to be written as a safetensors file.
///
/// The bytes are those of the reference library (version 0.8.0) for the same tensors and notes: notes first, entries by
/// descending type and then by name, JSON without white space, filled up with spaces to a multiple of eight.
package struct SafetensorsDocument: Sendable {
    /// One tensor to write.
    package struct Tensor: Sendable {
        package let name: String
        package let shape: [Int]
        package let elements: [Float]
        package let elementType: SafetensorsElementType

        /// Creates a tensor whose elements are stored as `elementType`: F32, F16, BF16 or F64.
        ///
        /// - Precondition: `elements` fill `shape`, and the type is a floating-point one.
        package init(
            name: String,
            shape: [Int],
            elements: [Float],
            elementType: SafetensorsElementType = .f32
        ) {
            guard let format = elementType.format else {
                preconditionFailure("floats are not written as \(elementType.rawValue)")
            }
            self.format = format
            precondition(elements.count == shape.reduce(1, *), "\(elements.count) elements do not fill \(shape)")
            self.name = name
            self.shape = shape
            self.elements = elements
            self.elementType = elementType
        }

        fileprivate let format: ElementFormat

        fileprivate var byteCount: Int { elements.count * format.byteCount }
    }

    private let tensors: [Tensor]
    /// The header with its length before it.
    private let head: [UInt8]

    /// How long the file is.
    package var byteCount: Int { head.count + tensors.reduce(0) { $0 + $1.byteCount } }

    /// Orders the tensors and writes the header.
    ///
    /// - Precondition: Names are unique.
    package init(_ tensors: [Tensor], metadata: [String: String]? = ["format": "pt"]) {
        self.tensors = tensors.sorted { left, right in
            SafetensorsHead.precedes((left.name, left.elementType), (right.name, right.elementType))
        }
        self.head = SafetensorsHead.bytes(
            of: self.tensors.map { .init($0.name, $0.elementType, $0.shape, byteCount: $0.byteCount) },
            metadata: metadata
        )
    }

    /// Hands the file to `body` piece by piece, a tensor at a time.
    package func forEachPiece<Failure: Error>(_ body: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
        try body(head)
        for tensor in tensors {
            try body(tensor.format.encode(tensor.elements.span))
        }
    }

    /// The whole file in memory.
    package func bytes() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        forEachPiece { bytes += $0 }
        return bytes
    }
}
