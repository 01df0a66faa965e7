/// What a safetensors file says of itself: the names, types, shapes and places of its tensors.
///
/// ```
/// +--------------------+-----------------------+----------------------------+
/// | N, u64, low first  | N bytes of JSON       | the tensors, back to back  |
/// +--------------------+-----------------------+----------------------------+
/// {"__metadata__":{"format":"pt"},"name":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},…}
/// ```
///
/// A header that parses is sound: the ranges fill the file from the end of the header to its last byte without gap or
/// overlap, and each is as long as its shape and type need. Nothing here trusts a number before it is checked.
package struct SafetensorsHeader: Sendable, Equatable {
    /// One tensor's entry.
    package struct Tensor: Sendable, Equatable {
        package let name: String
        package let elementType: SafetensorsElementType
        /// The extent of each dimension; empty for a scalar.
        package let shape: [Int]
        /// Where its elements are, counted from the start of the file.
        package let range: Range<Int>

        /// How many elements it has.
        package var elementCount: Int { shape.reduce(1, *) }
    }

    /// The file's own notes, such as `format`: `pt`; `nil` when it has none.
    package let metadata: [String: String]?
    /// The tensors in the order of their data.
    package let tensors: [Tensor]
    /// Where the data starts, counted from the start of the file.
    package let byteCount: Int
    private let positions: [String: Int]

    /// Returns the tensor called `name`.
    package subscript(name: String) -> Tensor? {
        positions[name].map { tensors[$0] }
    }

    /// The bytes that give the header's length.
    static let prefixByteCount = 8
    static let metadataKey = "__metadata__"

    /// Reads the header of a file.
    ///
    /// - Parameters:
    ///   - bytes: The file, or as much of its beginning as holds the header.
    ///   - fileByteCount: The length of the whole file, when `bytes` is only its beginning.
    ///   - limits: What the header may cost.
    /// - Throws: ``SafetensorsFlaw``, the first that is found.
    /// - Complexity: O(n log n) for n tensors; memory in proportion to the header, never to what it claims.
    package init(
        parsing bytes: Span<UInt8>,
        fileByteCount: Int? = nil,
        limits: SafetensorsLimits = .file
    ) throws(SafetensorsFlaw) {
        let length = try Self.headerLength(of: bytes, limits: limits)
        let start = Self.prefixByteCount + length
        var parser = SafetensorsHeaderParser(at: Self.prefixByteCount, limits: limits)
        try parser.parse(bytes.extracting(0..<start))
        // Tensors without elements share their place with the next one; the end of the range puts them first.
        parser.entries.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
        var positions: [String: Int] = Dictionary(minimumCapacity: parser.entries.count)
        for (position, entry) in parser.entries.enumerated() {
            guard positions.updateValue(position, forKey: entry.name) == nil else {
                throw .duplicateName(entry.name)
            }
        }
        self.metadata = parser.metadata
        self.tensors = try Self.place(
            parser.entries,
            after: start,
            dataByteCount: max(0, (fileByteCount ?? bytes.count) - start)
        )
        self.byteCount = start
        self.positions = positions
    }

    /// Returns N, the length of the header that follows the first eight bytes.
    private static func headerLength(
        of bytes: Span<UInt8>,
        limits: SafetensorsLimits
    ) throws(SafetensorsFlaw) -> Int {
        guard bytes.count >= prefixByteCount else { throw .missingLength(byteCount: bytes.count) }
        var claimed: UInt64 = 0
        for index in (0..<prefixByteCount).reversed() { claimed = claimed << 8 | UInt64(bytes[index]) }
        guard claimed <= UInt64(limits.headerByteCount) else {
            throw .headerTooLong(claimed: claimed, limit: limits.headerByteCount)
        }
        let available = bytes.count - prefixByteCount
        guard claimed <= UInt64(available) else { throw .headerBeyondEnd(claimed: claimed, available: available) }
        return Int(claimed)
    }

    /// Checks that the sorted entries fill the data, and counts their ranges from the start of the file.
    private static func place(
        _ entries: [SafetensorsHeaderParser.Entry],
        after start: Int,
        dataByteCount: Int
    ) throws(SafetensorsFlaw) -> [Tensor] {
        var tensors: [Tensor] = []
        tensors.reserveCapacity(entries.count)
        var reached = 0
        for entry in entries {
            guard entry.begin <= entry.end else { throw .reversedRange(tensor: entry.name) }
            guard entry.begin >= reached else { throw .overlap(tensor: entry.name) }
            guard entry.begin == reached else {
                throw .gap(tensor: entry.name, byteCount: entry.begin - reached)
            }
            let needed = try entry.neededByteCount()
            guard entry.end - entry.begin == needed else {
                throw .sizeMismatch(tensor: entry.name, needed: needed, found: entry.end - entry.begin)
            }
            guard entry.end <= dataByteCount else {
                throw .dataBeyondEnd(tensor: entry.name, missing: entry.end - dataByteCount)
            }
            reached = entry.end
            tensors.append(
                Tensor(
                    name: entry.name,
                    elementType: entry.elementType,
                    shape: entry.shape,
                    range: start + entry.begin..<start + entry.end
                )
            )
        }
        guard reached == dataByteCount else { throw .trailingBytes(count: dataByteCount - reached) }
        return tensors
    }
}
