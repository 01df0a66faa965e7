extension NoiseKey: Codable {
    /// Reads a key that was written as its bytes.
    package init(from decoder: any Decoder) throws {
        let bytes = try decoder.singleValueContainer().decode([UInt8].self)
        guard let key = NoiseKey(bytes: bytes) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a key has \(Self.byteCount) bytes")
            )
        }
        self = key
    }

    /// Writes the secret itself, for a store that keeps it like a private key.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(bytes)
    }
}
