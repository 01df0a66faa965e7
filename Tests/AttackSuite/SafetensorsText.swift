/// A safetensors file as attackers see it: a text and some bytes.
struct SafetensorsText: Sendable {
    var json: String
    var data: [UInt8]

    init(json: String, data: [UInt8] = []) {
        self.json = json
        self.data = data
    }

    /// Takes a sound file apart.
    init(_ file: [UInt8]) {
        let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        self.json = String(decoding: file.dropFirst(8).prefix(length), as: UTF8.self)
        self.data = Array(file.dropFirst(8 + length))
    }

    /// The file, with the true length of the header or another one.
    func bytes(claiming length: UInt64? = nil) -> [UInt8] {
        Self.bytes(header: Array(json.utf8), data, claiming: length)
    }

    static func bytes(header: [UInt8], _ data: [UInt8], claiming length: UInt64? = nil) -> [UInt8] {
        let length = length ?? UInt64(header.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + header + data
    }

    /// Replaces the first occurrence of a text.
    mutating func replace(_ text: String, with other: String) {
        guard let range = json.firstRange(of: text) else { return }
        json.replaceSubrange(range, with: other)
    }

    /// Puts members in front of all others.
    mutating func prepend(_ members: String) {
        json = "{" + members + "," + json.dropFirst()
    }

    /// The end of the data.
    var end: Int { data.count }
}
