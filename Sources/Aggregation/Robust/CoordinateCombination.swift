import LinearAlgebra

/// Combines one tensor of many clients coordinate by coordinate.
struct CoordinateCombination: Sendable {
    let rule: CoordinateRule
    private let network: SortingNetwork

    /// How many coordinates are worked on at once: with twenty clients a tile stays in the second-level cache.
    private static let tileLength = 2048

    /// Creates the combination of the values of `count` clients.
    init(rule: CoordinateRule, count: Int) {
        precondition(count > 0, "no values can be combined")
        self.rule = rule
        self.network = SortingNetwork(count: count)
    }

    /// Returns the combination of equally shaped matrices; rule and order of the values alone decide about the bits.
    ///
    /// Only tiles of the matrices are in memory at a time. The values are read as 32-bit floats, multiplied, sorted, and
    /// averaged in 64 bits.
    ///
    /// - Parameters:
    ///   - matrices: One a client, all finite.
    ///   - scales: By what each client's values are multiplied first.
    ///   - threads: How many tiles may be worked on at once. The result does not depend on it.
    /// - Returns: A matrix of the same shape, each element rounded once.
    /// - Complexity: O(elements·n·log²n).
    func combine(_ matrices: [StoredMatrix], scaledBy scales: [Double], threads: Int) -> Matrix {
        precondition(matrices.count == network.count && scales.count == network.count, "the values do not fit the rule")
        let (rows, columns) = (matrices[0].rows, matrices[0].columns)
        precondition(matrices.allSatisfy { $0.rows == rows && $0.columns == columns }, "the matrices differ in shape")
        let count = rows * columns
        let tiles = Concurrency.map((count + Self.tileLength - 1) / Self.tileLength, threads: threads) { tile in
            let start = tile * Self.tileLength
            return self.combine(matrices, scales, in: start..<min(start + Self.tileLength, count))
        }
        return Matrix(rows: rows, columns: columns, elements: Array(tiles.joined()))
    }

    private func combine(_ matrices: [StoredMatrix], _ scales: [Double], in range: Range<Int>) -> [Float] {
        let rowLength = (range.count + 7) / 8
        // The last vector of a row may be filled up with zeros, whose combination is dropped.
        var tile = [SIMD8<Float>](repeating: .zero, count: network.count * rowLength)
        for (client, matrix) in matrices.enumerated() {
            let scale = scales[client]
            let row = client * rowLength
            matrix.withElements { values in
                for (offset, index) in range.enumerated() {
                    let value = values[index]
                    tile[row + offset / 8][offset % 8] = scale == 1 ? value : Float(Double(value) * scale)
                }
            }
        }
        network.sortColumns(&tile, rowLength: rowLength)
        if let part = rule.fixedPart(count: network.count) {
            return means(of: part, in: tile, rowLength: rowLength, count: range.count)
        }
        var sorted = [Double](repeating: 0, count: network.count)
        return (0..<range.count).map { offset in
            for place in sorted.indices {
                sorted[place] = Double(tile[place * rowLength + offset / 8][offset % 8])
            }
            return Float(rule.combine(sorted.span))
        }
    }

    /// Returns the mean of some rows.
    private func means(of part: Range<Int>, in tile: [SIMD8<Float>], rowLength: Int, count: Int) -> [Float] {
        var means: [Float] = []
        means.reserveCapacity(rowLength * 8)
        for column in 0..<rowLength {
            var sum = SIMD8<Double>.zero
            for place in part {
                sum += SIMD8<Double>(tile[place * rowLength + column])
            }
            let mean = SIMD8<Float>(sum / Double(part.count))
            for lane in 0..<8 {
                means.append(mean[lane])
            }
        }
        means.removeLast(means.count - count)
        return means
    }
}
