/// The modules of a QR code before and after masking.
struct QRGrid {
    private let version: QRVersion
    private(set) var modules: [Bool]
    /// Where patterns stand that no mask changes.
    private var isFixed: [Bool]

    private var size: Int { version.size }

    /// Draws the patterns and places the codewords, without a mask.
    init(version: QRVersion, codewords: [UInt8]) {
        self.version = version
        self.modules = [Bool](repeating: false, count: version.size * version.size)
        self.isFixed = modules
        drawPatterns()
        place(codewords)
    }

    /// Returns the grid under a mask, with the format bits that tell which it is.
    func masked(by mask: Int) -> QRGrid {
        var grid = self
        for row in 0..<size {
            for column in 0..<size where !isFixed[row * size + column] && Self.inverts(mask, column, row) {
                grid.modules[row * size + column].toggle()
            }
        }
        grid.drawFormat(mask: mask)
        return grid
    }

    private static func inverts(_ mask: Int, _ column: Int, _ row: Int) -> Bool {
        switch mask {
        case 0: (column + row) % 2 == 0
        case 1: row % 2 == 0
        case 2: column % 3 == 0
        case 3: (column + row) % 3 == 0
        case 4: (column / 3 + row / 2) % 2 == 0
        case 5: column * row % 2 + column * row % 3 == 0
        case 6: (column * row % 2 + column * row % 3) % 2 == 0
        default: ((column + row) % 2 + column * row % 3) % 2 == 0
        }
    }

    // MARK: - Patterns

    private mutating func fix(_ column: Int, _ row: Int, _ isDark: Bool) {
        guard (0..<size).contains(column), (0..<size).contains(row) else { return }
        modules[row * size + column] = isDark
        isFixed[row * size + column] = true
    }

    private mutating func drawPatterns() {
        for place in 0..<size {
            fix(6, place, place.isMultiple(of: 2))
            fix(place, 6, place.isMultiple(of: 2))
        }
        for (column, row) in [(3, 3), (size - 4, 3), (3, size - 4)] {
            drawRings(column, row, radius: 4, light: [2, 4])
        }
        let places = version.alignmentPlaces
        for row in places {
            for column in places where !isFinder(column, row) { drawRings(column, row, radius: 2, light: [1]) }
        }
        drawFormat(mask: 0)
        drawVersion()
    }

    /// Whether an alignment pattern would lie on a finder.
    private func isFinder(_ column: Int, _ row: Int) -> Bool {
        (column == 6 && row == 6) || (column == 6 && row == size - 7) || (column == size - 7 && row == 6)
    }

    /// Draws square rings around a centre.
    private mutating func drawRings(_ column: Int, _ row: Int, radius: Int, light: [Int]) {
        for down in -radius...radius {
            for right in -radius...radius {
                fix(column + right, row + down, !light.contains(max(abs(right), abs(down))))
            }
        }
    }

    /// Writes level and mask, with their BCH (15, 5) correction, twice.
    private mutating func drawFormat(mask: Int) {
        // Level M is 00.
        let bits = Self.withCorrection(mask, bits: 10, generator: 0x537) ^ 0x5412
        func isSet(_ place: Int) -> Bool { bits >> place & 1 == 1 }
        for place in 0...5 { fix(8, place, isSet(place)) }
        fix(8, 7, isSet(6))
        fix(8, 8, isSet(7))
        fix(7, 8, isSet(8))
        for place in 9..<15 { fix(14 - place, 8, isSet(place)) }
        for place in 0..<8 { fix(size - 1 - place, 8, isSet(place)) }
        for place in 8..<15 { fix(8, size - 15 + place, isSet(place)) }
        fix(8, size - 8, true)
    }

    /// Writes the version, with its Golay (18, 6) correction, twice, from version 7 on.
    private mutating func drawVersion() {
        guard version.number >= 7 else { return }
        let bits = Self.withCorrection(version.number, bits: 12, generator: 0x1F25)
        for place in 0..<18 {
            let isSet = bits >> place & 1 == 1
            fix(size - 11 + place % 3, place / 3, isSet)
            fix(place / 3, size - 11 + place % 3, isSet)
        }
    }

    /// Returns `value` followed by the remainder of its polynomial.
    private static func withCorrection(_ value: Int, bits: Int, generator: Int) -> Int {
        var remainder = value
        for _ in 0..<bits { remainder = remainder << 1 ^ (remainder >> (bits - 1) & 1) * generator }
        return value << bits | remainder
    }

    // MARK: - Codewords

    /// Fills what is free in columns of two, from right to left, up and down in turn; the timing's column is left out.
    private mutating func place(_ codewords: [UInt8]) {
        var next = 0
        for (turn, right) in (stride(from: size - 1, to: 6, by: -2) + stride(from: 5, to: 0, by: -2)).enumerated() {
            for step in 0..<size {
                let row = turn.isMultiple(of: 2) ? size - 1 - step : step
                for column in [right, right - 1] where !isFixed[row * size + column] && next < 8 * codewords.count {
                    modules[row * size + column] = codewords[next / 8] >> UInt8(7 - next % 8) & 1 == 1
                    next += 1
                }
            }
        }
    }
}

private func + (first: StrideTo<Int>, second: StrideTo<Int>) -> [Int] { Array(first) + Array(second) }
