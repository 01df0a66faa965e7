package import Foundation
private import LinearAlgebra

/// A safetensors file that is to be written anew, with some tensors replaced, added, renamed or left out.
///
/// It is written a tensor at a time: what stays is copied as bytes, what is replaced keeps its element type and is
/// computed when its turn has come. Memory does not grow with the file.
package struct SafetensorsRewrite {
    private enum Content {
        /// Bytes of the file that is read.
        case stored(Range<Int>)
        case computed(() throws(AdapterError) -> [Float])
    }

    private struct Member {
        var name: String
        let elementType: SafetensorsElementType
        let shape: [Int]
        var content: Content
        let byteCount: Int
    }

    private let url: URL
    private let file: SafetensorsFile
    private var members: [Member]

    /// Begins with everything that the file at `url` holds.
    ///
    /// - Throws: ``AdapterError`` when it cannot be opened, or is no safetensors file.
    package init(of url: URL) throws(AdapterError) {
        self.url = url
        self.file = try SafetensorsFile(path: url.path)
        self.members = file.tensors.map { tensor in
            Member(
                name: tensor.name,
                elementType: tensor.elementType,
                shape: tensor.shape,
                content: .stored(tensor.range),
                byteCount: tensor.range.count
            )
        }
    }

    /// How many bytes the tensors will take.
    package var dataByteCount: Int { members.reduce(0) { $0 + $1.byteCount } }

    /// The names of the tensors that will be written.
    package var names: [String] { members.map(\.name) }

    /// Puts `change` of a tensor's elements in their place; the element type stays.
    ///
    /// - Parameters:
    ///   - name: A tensor of the file that is read.
    ///   - change: Returns as many elements as it is given.
    /// - Throws: ``AdapterError/unsupportedElementType(tensor:type:source:)`` when the elements are no floats.
    package mutating func replace(
        _ name: String,
        by change: @escaping ([Float]) throws(AdapterError) -> [Float]
    ) throws(AdapterError) {
        guard let tensor = file.header[name], let place = members.firstIndex(where: { $0.name == name }) else {
            throw .unexpectedTensors(missing: [name], unknown: [], source: file.source)
        }
        guard tensor.elementType.isReadableAsFloat else {
            throw .unsupportedElementType(tensor: name, type: tensor.elementType, source: file.source)
        }
        members[place].content = .computed { [file] () throws(AdapterError) in
            try change(file.floats(of: tensor))
        }
    }

    /// Leaves a tensor out.
    package mutating func remove(_ name: String) {
        members.removeAll { $0.name == name }
    }

    /// Adds a tensor under a name that is not there yet.
    package mutating func add(_ tensor: SafetensorsDocument.Tensor) {
        members.append(
            Member(
                name: tensor.name,
                elementType: tensor.elementType,
                shape: tensor.shape,
                content: .computed { () throws(AdapterError) in tensor.elements },
                byteCount: tensor.elements.count * tensor.elementType.bitCount / 8
            )
        )
    }

    /// Puts `prefix` before every name.
    package mutating func prependToNames(_ prefix: String) {
        for place in members.indices { members[place].name = prefix + members[place].name }
    }

    // MARK: - Writing

    /// How much is copied at a time.
    private static let blockByteCount = 8 << 20

    /// Writes a new file and syncs it.
    ///
    /// - Throws: What a replacement throws; ``AdapterError/valueTooLarge(tensor:value:limit:source:)`` where an element
    ///   does not fit its type; ``AdapterError/cannotWrite(path:reason:)``.
    package func write(to target: URL) throws(AdapterError) {
        let ordered = members.sorted { left, right in
            SafetensorsHead.precedes((left.name, left.elementType), (right.name, right.elementType))
        }
        let head = SafetensorsHead.bytes(
            of: ordered.map { .init($0.name, $0.elementType, $0.shape, byteCount: $0.byteCount) },
            metadata: file.header.metadata
        )
        try DurableFile.write(to: target) { output in
            let input = try FileHandle(forReadingFrom: url)
            defer { try? input.close() }
            try output.write(contentsOf: head)
            for member in ordered {
                switch member.content {
                case .stored(let range): try Self.copy(range, from: input, to: output)
                case .computed(let elements): try output.write(contentsOf: encode(elements(), of: member))
                }
            }
        }
    }

    private static func copy(_ range: Range<Int>, from input: FileHandle, to output: FileHandle) throws {
        try input.seek(toOffset: UInt64(range.lowerBound))
        var left = range.count
        while left > 0 {
            guard let block = try input.read(upToCount: min(left, blockByteCount)), !block.isEmpty else {
                throw CocoaError(.fileReadCorruptFile)
            }
            try output.write(contentsOf: block)
            left -= block.count
        }
    }

    private func encode(_ elements: [Float], of member: Member) throws(AdapterError) -> [UInt8] {
        guard let format = member.elementType.format else {
            throw .unsupportedElementType(tensor: member.name, type: member.elementType, source: file.source)
        }
        precondition(elements.count * format.byteCount == member.byteCount, "the elements do not fill \(member.shape)")
        guard elements.allSatisfy(\.isFinite) else { throw .notFinite(tensor: member.name, source: file.source) }
        if member.elementType == .f16 {
            let limit = Float(Float16.greatestFiniteMagnitude)
            if let value = elements.first(where: { $0.magnitude > limit }) {
                throw .valueTooLarge(tensor: member.name, value: value, limit: limit, source: file.source)
            }
        }
        return format.encode(elements.span)
    }
}
