/// From bytes to the codewords of a QR code.
enum QRCodewords {
    /// Returns data and error correction, interleaved as they are placed.
    ///
    /// - Parameters:
    ///   - bytes: At most `version.byteCapacity`.
    ///   - version: How the codewords are divided.
    /// - Returns: As many codewords as the version has room for.
    static func of(_ bytes: [UInt8], version: QRVersion) -> [UInt8] {
        interleaved(data(bytes, version: version), version: version)
    }

    /// The header, the bytes and the padding.
    ///
    /// ```
    /// 0100 | number of bytes, 8 or 16 bits | bytes | 0000 | EC 11 EC 11 …
    /// ```
    private static func data(_ bytes: [UInt8], version: QRVersion) -> [UInt8] {
        var bits = BitWriter()
        bits.append(0b0100, count: 4)
        bits.append(bytes.count, count: version.countBits)
        for byte in bytes { bits.append(Int(byte), count: 8) }
        let room = 8 * version.dataCodewords
        bits.append(0, count: min(4, room - bits.count))
        var codewords = bits.bytes
        var padding: UInt8 = 0xEC
        while codewords.count < version.dataCodewords {
            codewords.append(padding)
            padding = padding == 0xEC ? 0x11 : 0xEC
        }
        return codewords
    }

    /// Divides data into blocks, of which the later ones are a codeword longer when it does not come out even, and takes a
    /// codeword of each block in turn: first of the data, then of the corrections.
    private static func interleaved(_ data: [UInt8], version: QRVersion) -> [UInt8] {
        let code = ReedSolomonCode(correctionCount: version.correctionPerBlock)
        let (length, longer) = data.count.quotientAndRemainder(dividingBy: version.blocks)
        var rest = data[...]
        let blocks = (0..<version.blocks).map { index in
            let count = length + (index >= version.blocks - longer ? 1 : 0)
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        let corrections = blocks.map(code.correction)
        return column(by: blocks) + column(by: corrections)
    }

    private static func column(by blocks: [[UInt8]]) -> [UInt8] {
        let longest = blocks.map(\.count).max() ?? 0
        return (0..<longest).flatMap { index in blocks.compactMap { index < $0.count ? $0[index] : nil } }
    }
}

/// Bits in a row, the first in the highest place of the first byte.
private struct BitWriter {
    private(set) var bytes: [UInt8] = []
    private(set) var count = 0

    /// Appends the lowest `count` bits of a value, the highest of them first.
    mutating func append(_ value: Int, count bits: Int) {
        for place in stride(from: bits - 1, through: 0, by: -1) {
            if count.isMultiple(of: 8) { bytes.append(0) }
            if value >> place & 1 == 1 { bytes[bytes.count - 1] |= 0x80 >> UInt8(count % 8) }
            count += 1
        }
    }
}
