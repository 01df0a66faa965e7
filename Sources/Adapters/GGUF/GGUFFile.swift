package import Foundation

/// A model in one GGUF file, as llama.cpp reads it: named values and tensors, of which each number is checked before it is
/// used.
///
/// ```
/// "GGUF" · version u32 · tensor count u64 · value count u64
/// values: name, type, value …            names and texts are a u64 length and UTF-8
/// tensors: name, dimension count u32, dimensions u64 (the innermost first), type u32, offset u64 …
/// padding to the alignment · the tensors' blocks
/// ```
package struct GGUFFile: Sendable {
    /// A value of the header.
    package enum Value: Sendable, Hashable {
        case integer(Int)
        case number(Double)
        case flag(Bool)
        case text(String)
        case texts([String])
        case integers([Int])
        case numbers([Double])
    }

    /// Where a tensor lies.
    package struct Tensor: Sendable, Hashable {
        /// Outermost dimension first, as in safetensors.
        package let shape: [Int]
        package let encoding: GGUFEncoding
        let range: Range<Int>
    }

    package let path: String
    package let values: [String: Value]
    package let tensors: [String: Tensor]
    private let bytes: [UInt8]

    /// Reads a file.
    ///
    /// - Throws: ``AdapterError/unreadableFile(path:reason:)`` or ``AdapterError/malformedGGUF(path:problem:)``.
    package init(contentsOf file: URL) throws(AdapterError) {
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            throw .unreadableFile(path: file.path, reason: error.localizedDescription)
        }
        try self.init([UInt8](data), path: file.path)
    }

    /// Reads bytes; `path` names them in errors.
    package init(_ bytes: [UInt8], path: String) throws(AdapterError) {
        var reader = GGUFReader(bytes: bytes, path: path)
        guard try reader.bytes(4) == Array("GGUF".utf8)[...] else { throw reader.flaw("does not begin with 'GGUF'") }
        let version = try reader.integer(UInt32.self)
        guard version == 2 || version == 3 else { throw reader.flaw("has version \(version), and 2 and 3 are known") }
        let tensorCount = try reader.count(atLeast: 24)
        let valueCount = try reader.count(atLeast: 13)
        var values: [String: Value] = [:]
        for _ in 0..<valueCount {
            let name = try reader.text()
            let value = try reader.value(named: name)
            guard values.updateValue(value, forKey: name) == nil else { throw reader.flaw("has '\(name)' twice") }
        }
        var outlines: [(name: String, shape: [Int], encoding: GGUFEncoding, offset: Int)] = []
        for _ in 0..<tensorCount { outlines.append(try reader.outline()) }
        let alignment = if case .integer(let number)? = values["general.alignment"] { number } else { 32 }
        guard (1...1 << 20).contains(alignment) else { throw reader.flaw("has an alignment of \(alignment)") }
        let start = (reader.position + alignment - 1) / alignment * alignment
        var tensors: [String: Tensor] = [:]
        for (name, shape, encoding, offset) in outlines {
            guard let count = Self.product(shape),
                let byteCount = encoding.byteCount(of: count, width: shape.last ?? 1),
                offset <= bytes.count - start, byteCount <= bytes.count - start - offset
            else {
                throw reader.flaw("'\(name)' of shape \(shape) goes beyond its end, or is no whole number of blocks")
            }
            let range = start + offset..<start + offset + byteCount
            guard tensors.updateValue(Tensor(shape: shape, encoding: encoding, range: range), forKey: name) == nil
            else {
                throw reader.flaw("has the tensor '\(name)' twice")
            }
        }
        self.bytes = bytes
        self.path = path
        self.values = values
        self.tensors = tensors
    }

    /// Returns a tensor's elements, row by row, as 32-bit floats.
    package func elements(of tensor: Tensor) -> [Float] { tensor.encoding.decode(bytes[tensor.range]) }

    private static func product(_ shape: [Int]) -> Int? {
        shape.reduce(1) { product, size in
            product.flatMap {
                let (result, overflows) = $0.multipliedReportingOverflow(by: size)
                return overflows ? nil : result
            }
        }
    }
}
