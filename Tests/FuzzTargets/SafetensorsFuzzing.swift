import Adapters

/// Reads a file as peers' payloads and users' files are read, and everything that is in it.
enum SafetensorsFuzzing {
    static func run(_ bytes: [UInt8]) {
        // What the widest limits refuse, narrower ones do not accept.
        guard read(bytes, .file) != nil, let payload = read(bytes, .payload) else { return }
        _ = read(bytes, .payload(tensorCount: 4))
        _ = try? AdapterPayload.adapter(from: payload, scale: .init(rank: 2, alpha: 4))
    }

    private static func read(_ bytes: [UInt8], _ limits: SafetensorsLimits) -> SafetensorsFile? {
        guard let file = try? SafetensorsFile(bytes: bytes, source: "input", limits: limits) else { return nil }
        check(file, byteCount: bytes.count)
        return file
    }

    /// A file that was accepted is filled by its tensors, back to back.
    private static func check(_ file: SafetensorsFile, byteCount: Int) {
        var reached = file.header.byteCount
        for tensor in file.tensors {
            precondition(tensor.range.lowerBound == reached, "a hole, or an overlap")
            precondition(file.header[tensor.name] == tensor, "two tensors of a name")
            reached = tensor.range.upperBound
            guard tensor.elementType.isReadableAsFloat else { continue }
            let count = (try? file.floats(of: tensor))?.count
            precondition(count == tensor.elementCount, "elements are missing")
        }
        precondition(reached == byteCount, "bytes follow the last tensor")
    }
}
