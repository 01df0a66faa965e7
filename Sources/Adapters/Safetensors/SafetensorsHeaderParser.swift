/// Reads the JSON of a safetensors header, whose form is fixed: no more is accepted, and nothing recurses.
struct SafetensorsHeaderParser {
    /// One tensor as the header describes it; nothing is checked against the file yet.
    struct Entry {
        let name: String
        let elementType: SafetensorsElementType
        let shape: [Int]
        let begin: Int
        let end: Int

        /// Returns how many bytes the shape and type take.
        func neededByteCount() throws(SafetensorsFlaw) -> Int {
            var product = 1
            for extent in shape {
                let (value, overflows) = product.multipliedReportingOverflow(by: extent)
                guard !overflows else { throw .sizeOverflow(tensor: name) }
                product = value
            }
            let (bits, overflows) = product.multipliedReportingOverflow(by: elementType.bitCount)
            guard !overflows else { throw .sizeOverflow(tensor: name) }
            guard bits % 8 == 0 else { throw .partialByte(tensor: name) }
            return bits / 8
        }
    }

    private(set) var metadata: [String: String]?
    var entries: [Entry] = []
    private let limits: SafetensorsLimits
    private var scanner: JSONScanner

    /// Creates a parser of the JSON that starts at `offset`.
    init(at offset: Int, limits: SafetensorsLimits) {
        self.scanner = JSONScanner(position: offset)
        self.limits = limits
    }

    /// Reads a whole header, which ends where `bytes` end.
    mutating func parse(_ bytes: Span<UInt8>) throws(SafetensorsFlaw) {
        try expect(.openingBrace, in: bytes)
        if try !consume(.closingBrace, in: bytes) {
            repeat {
                try member(in: bytes)
            } while try continues(until: .closingBrace, in: bytes)
        }
        do {
            try scanner.expectEnd(in: bytes)
        } catch {
            throw .invalidJSON(error)
        }
    }

    private mutating func member(in bytes: Span<UInt8>) throws(SafetensorsFlaw) {
        let name = try string(in: bytes)
        try expect(.colon, in: bytes)
        if name == SafetensorsHeader.metadataKey {
            guard metadata == nil else { throw .duplicateName(name) }
            metadata = try notes(in: bytes)
            return
        }
        guard entries.count < limits.tensorCount else { throw .tooManyTensors(limit: limits.tensorCount) }
        entries.append(try entry(called: name, in: bytes))
    }

    /// Reads the value of `__metadata__`: an object of strings.
    private mutating func notes(in bytes: Span<UInt8>) throws(SafetensorsFlaw) -> [String: String] {
        var notes: [String: String] = [:]
        try expect(.openingBrace, in: bytes)
        guard try !consume(.closingBrace, in: bytes) else { return notes }
        repeat {
            guard notes.count < limits.noteCount else { throw .tooManyNotes(limit: limits.noteCount) }
            let key = try string(in: bytes)
            try expect(.colon, in: bytes)
            guard notes.updateValue(try string(in: bytes), forKey: key) == nil else { throw .duplicateName(key) }
        } while try continues(until: .closingBrace, in: bytes)
        return notes
    }

    private mutating func entry(called name: String, in bytes: Span<UInt8>) throws(SafetensorsFlaw) -> Entry {
        var elementType: SafetensorsElementType?
        var shape: [Int]?
        var range: (begin: Int, end: Int)?
        try expect(.openingBrace, in: bytes)
        if try !consume(.closingBrace, in: bytes) {
            repeat {
                let field = try string(in: bytes)
                try expect(.colon, in: bytes)
                switch field {
                case "dtype" where elementType == nil:
                    let type = try string(in: bytes)
                    elementType = SafetensorsElementType(rawValue: type)
                    guard elementType != nil else { throw .unknownElementType(tensor: name, type: type) }
                case "shape" where shape == nil:
                    shape = try extents(of: name, in: bytes)
                case "data_offsets" where range == nil:
                    range = try offsets(in: bytes)
                default:
                    throw .unexpectedField(tensor: name, field: field)
                }
            } while try continues(until: .closingBrace, in: bytes)
        }
        guard let elementType else { throw .missingField(tensor: name, field: "dtype") }
        guard let shape else { throw .missingField(tensor: name, field: "shape") }
        guard let range else { throw .missingField(tensor: name, field: "data_offsets") }
        return Entry(name: name, elementType: elementType, shape: shape, begin: range.begin, end: range.end)
    }

    private mutating func extents(of name: String, in bytes: Span<UInt8>) throws(SafetensorsFlaw) -> [Int] {
        var extents: [Int] = []
        try expect(.openingBracket, in: bytes)
        guard try !consume(.closingBracket, in: bytes) else { return extents }
        repeat {
            guard extents.count < limits.dimensionCount else {
                throw .tooManyDimensions(tensor: name, limit: limits.dimensionCount)
            }
            extents.append(try count(in: bytes))
        } while try continues(until: .closingBracket, in: bytes)
        return extents
    }

    private mutating func offsets(in bytes: Span<UInt8>) throws(SafetensorsFlaw) -> (begin: Int, end: Int) {
        try expect(.openingBracket, in: bytes)
        let begin = try count(in: bytes)
        try expect(.comma, in: bytes)
        let end = try count(in: bytes)
        try expect(.closingBracket, in: bytes)
        return (begin, end)
    }

    // MARK: - Tokens

    private mutating func string(in bytes: Span<UInt8>) throws(SafetensorsFlaw) -> String {
        do { return try scanner.string(in: bytes) } catch { throw .invalidJSON(error) }
    }

    private mutating func count(in bytes: Span<UInt8>) throws(SafetensorsFlaw) -> Int {
        do { return try scanner.count(in: bytes) } catch { throw .invalidJSON(error) }
    }

    private mutating func expect(_ byte: UInt8, in bytes: Span<UInt8>) throws(SafetensorsFlaw) {
        do { try scanner.expect(byte, in: bytes) } catch { throw .invalidJSON(error) }
    }

    private mutating func consume(_ byte: UInt8, in bytes: Span<UInt8>) throws(SafetensorsFlaw) -> Bool {
        do { return try scanner.consume(byte, in: bytes) } catch { throw .invalidJSON(error) }
    }

    private mutating func continues(until closing: UInt8, in bytes: Span<UInt8>) throws(SafetensorsFlaw) -> Bool {
        do { return try scanner.continues(until: closing, in: bytes) } catch { throw .invalidJSON(error) }
    }
}
