/// One of the forty sizes of a QR code, at error correction level M.
struct QRVersion: Hashable {
    /// 1...40.
    let number: Int
    /// How many blocks the data is divided into.
    let blocks: Int
    /// How many codewords of error correction each block has.
    let correctionPerBlock: Int

    /// Modules a side.
    var size: Int { 17 + 4 * number }

    /// How many codewords, of data and of error correction, there is room for.
    var codewords: Int {
        // All modules less the finders with their separators and format bits (64 in each of three corners), and the timing.
        var modules = (16 * number + 128) * number + 64
        if number >= 2 {
            let count = alignmentPlaces.count
            modules -= (25 * count - 10) * count - 55
        }
        if number >= 7 { modules -= 36 }
        return modules / 8
    }

    /// How many codewords of data there is room for, with the header.
    var dataCodewords: Int { codewords - blocks * correctionPerBlock }

    /// How many bits the number of bytes takes.
    var countBits: Int { number < 10 ? 8 : 16 }

    /// How many bytes there is room for.
    var byteCapacity: Int { (8 * dataCodewords - 4 - countBits) / 8 }

    /// The centres of alignment patterns, along either axis.
    var alignmentPlaces: [Int] {
        guard number >= 2 else { return [] }
        let count = number / 7 + 2
        // Evenly spaced from the far end, with an even step; what is left over lies between the first two.
        let step = number == 32 ? 26 : (4 * number + 2 * count + 1) / (2 * count - 2) * 2
        return [6] + (0..<count - 1).map { size - 7 - $0 * step }.reversed()
    }

    /// The smallest version with room for so many bytes; `nil` when there is none.
    static func smallest(forBytes count: Int) -> QRVersion? { all.first { $0.byteCapacity >= count } }

    /// Every version, the smallest first.
    static let all: [QRVersion] = zip(blockCounts, correctionCounts).enumerated().map { index, counts in
        QRVersion(number: index + 1, blocks: counts.0, correctionPerBlock: counts.1)
    }

    // ISO/IEC 18004, table 9, level M.
    private static let blockCounts = [
        1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
        17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
    ]
    private static let correctionCounts = [
        10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
        26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    ]
}
