package import LinearAlgebra

/// A safetensors file that is open for reading, mapped or in memory.
///
/// Opening reads the header alone. Tensors of 32-bit floats that are aligned are lent without a copy
/// (``withFloats(of:_:)``); everything else is copied and converted once, when it is asked for.
package struct SafetensorsFile: Sendable {
    private enum Storage: Sendable {
        case mapped(MappedFile)
        case memory([UInt8])
    }

    package let header: SafetensorsHeader
    /// What messages call the file: its path, or a name for bytes that have none.
    package let source: String
    private let storage: Storage

    /// Maps the file at `path` and reads its header.
    ///
    /// - Parameters:
    ///   - path: Where the file is.
    ///   - source: What messages call it; its path unless something else is given.
    ///   - limits: What the header may cost.
    /// - Throws: ``AdapterError/unreadableFile(path:reason:)`` or ``AdapterError/malformedTensors(source:flaw:)``.
    package init(
        path: String,
        source: String? = nil,
        limits: SafetensorsLimits = .file
    ) throws(AdapterError) {
        let file: MappedFile
        do {
            file = try MappedFile(path: path)
        } catch {
            throw .unreadableFile(path: source ?? path, reason: error.description)
        }
        try self.init(storage: .mapped(file), source: source ?? path, limits: limits)
        // Reading the header may have mapped 2 MiB around it: too much for each of a thousand files that lie open.
        file.release(0..<file.count)
    }

    /// Reads the header of a file that is in memory.
    ///
    /// - Throws: ``AdapterError/malformedTensors(source:flaw:)``.
    package init(bytes: [UInt8], source: String, limits: SafetensorsLimits = .file) throws(AdapterError) {
        try self.init(storage: .memory(bytes), source: source, limits: limits)
    }

    private init(storage: Storage, source: String, limits: SafetensorsLimits) throws(AdapterError) {
        do {
            self.header = try Self.withOctets(of: storage) { (octets) throws(SafetensorsFlaw) in
                try SafetensorsHeader(parsing: octets, limits: limits)
            }
        } catch {
            throw .malformedTensors(source: source, flaw: error)
        }
        self.storage = storage
        self.source = source
    }

    /// The tensors in the order of their data.
    package var tensors: [SafetensorsHeader.Tensor] { header.tensors }

    // MARK: - Elements

    /// Returns the elements of a tensor as 32-bit floats.
    ///
    /// - Throws: ``AdapterError/unsupportedElementType(tensor:type:source:)`` when they are not F32, F16, BF16 or F64.
    /// - Complexity: One copy of the elements.
    package func floats(of tensor: SafetensorsHeader.Tensor) throws(AdapterError) -> [Float] {
        guard let format = tensor.elementType.format else {
            throw .unsupportedElementType(tensor: tensor.name, type: tensor.elementType, source: source)
        }
        return withBytes(of: tensor) { format.decode($0) }
    }

    /// Returns a tensor as a matrix that is read where it lies; elements of other types are converted once.
    ///
    /// - Precondition: `rows`·`columns` is the tensor's count of elements.
    /// - Throws: What ``floats(of:)`` throws.
    package func stored(
        _ tensor: SafetensorsHeader.Tensor,
        rows: Int,
        columns: Int
    ) throws(AdapterError) -> StoredMatrix {
        if case .mapped(let file) = storage, tensor.elementType == .f32,
            let matrix = StoredMatrix(mapped: file, at: tensor.range.lowerBound, rows: rows, columns: columns)
        {
            return matrix
        }
        return StoredMatrix(Matrix(rows: rows, columns: columns, elements: try floats(of: tensor)))
    }

    /// Lends the elements of a tensor as 32-bit floats: in place when the file holds them as such, else from a copy.
    ///
    /// - Throws: What `body` throws, and what ``floats(of:)`` throws.
    package func withFloats<Result>(
        of tensor: SafetensorsHeader.Tensor,
        _ body: (Span<Float>) throws -> Result
    ) throws -> Result {
        if case .mapped(let file) = storage, tensor.elementType == .f32,
            let result = try file.withFloats(at: tensor.range.lowerBound, count: tensor.elementCount, body)
        {
            return result
        }
        let copy = try floats(of: tensor)
        return try body(copy.span)
    }

    /// Lends the bytes of a tensor as they are stored.
    private func withBytes<Result, Failure: Error>(
        of tensor: SafetensorsHeader.Tensor,
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch storage {
        case .mapped(let file):
            try file.withBytes { (bytes) throws(Failure) in try body(bytes.extracting(tensor.range)) }
        case .memory(let bytes):
            try body(bytes.span.bytes.extracting(tensor.range))
        }
    }

    private static func withOctets<Result, Failure: Error>(
        of storage: Storage,
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch storage {
        case .mapped(let file):
            try file.withBytes { (bytes) throws(Failure) in try bytes.withOctets(body) }
        case .memory(let bytes):
            try body(bytes.span)
        }
    }
}
