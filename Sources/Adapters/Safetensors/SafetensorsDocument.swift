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
            left.elementType == right.elementType
                ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
                : left.elementType.alignmentOrder > right.elementType.alignmentOrder
        }
        self.head = Self.head(of: self.tensors, metadata: metadata)
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

    // MARK: - Header

    private static func head(of tensors: [Tensor], metadata: [String: String]?) -> [UInt8] {
        var members: [String] = []
        if let metadata {
            // The reference keeps notes in a hash table; with more than one, any order is as good as its own.
            let notes = metadata.sorted { $0.key < $1.key }.map { "\(string($0.key)):\(string($0.value))" }
            members.append("\(string(SafetensorsHeader.metadataKey)):{\(notes.joined(separator: ","))}")
        }
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.byteCount
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            members.append(
                """
                \(string(tensor.name)):{"dtype":"\(tensor.elementType.rawValue)",\
                "shape":[\(shape)],"data_offsets":[\(offset),\(end)]}
                """
            )
            offset = end
        }
        var json = Array("{\(members.joined(separator: ","))}".utf8)
        let padding = (8 - json.count % 8) % 8
        json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: padding))
        let length = UInt64(json.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + json
    }

    /// A JSON string as serde writes it: everything but quotes, backslashes and control characters as it is.
    private static func string(_ text: String) -> String {
        // Names hardly ever need more than quotes, and a large cohort writes millions of them.
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        if isPlain { return "\"\(text)\"" }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{8}": result += "\\b"
            case "\u{c}": result += "\\f"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\0"..<" ":
                result += scalar.value < 16 ? "\\u000" : "\\u00"
                result += String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
