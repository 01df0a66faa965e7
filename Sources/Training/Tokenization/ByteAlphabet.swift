/// The visible characters that stand for bytes in a byte-level vocabulary.
///
/// Printable bytes of Latin-1 stand for themselves, the 68 others for the scalars from U+0100 on, in their order
/// (`bytes_to_unicode` of GPT-2).
enum ByteAlphabet {
    /// The scalar of each byte.
    static let scalars: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (UInt8.min...UInt8.max).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
            default:
                defer { next += 1 }
                return Unicode.Scalar(next) ?? Unicode.Scalar(byte)
            }
        }
    }()

    private static let bytes = Dictionary(uniqueKeysWithValues: zip(scalars, UInt8.min...UInt8.max))

    /// Returns the bytes that an entry stands for, or `nil` when it has another character.
    static func bytes(of entry: String) -> [UInt8]? {
        var found: [UInt8] = []
        for scalar in entry.unicodeScalars {
            guard let byte = bytes[scalar] else { return nil }
            found.append(byte)
        }
        return found
    }
}
