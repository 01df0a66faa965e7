/// Draws from a law on few values with one table look-up and one comparison, whatever the value.
///
/// Walker's alias method (1977) in integers: each of 2ᵇ columns, all equally probable, is divided between its own value
/// and another one. The division is exact, so the drawn values have exactly the probabilities given.
struct AliasTable: Sendable {
    /// How a column is divided: below the threshold lies its own value, from there on its alias.
    private struct Column: BitwiseCopyable {
        /// The upper 64 bits of the threshold.
        var high: UInt64 = 0
        /// The lower 48 bits of the threshold, then the alias.
        var low: UInt64 = 0
    }

    private let columns: [Column]
    private let mask: UInt64

    /// How finely a column is divided; with the 16 bits that choose a column, a draw takes 128.
    static let thresholdBits = 112

    /// Divides the columns.
    ///
    /// - Parameters:
    ///   - weights: Of the values 0, 1, …: at most 2ᵇ, in units of 2⁻⁽ᵇ⁺¹¹²⁾, which add up to one.
    ///   - indexBits: b, at most 15.
    init(weights: [UInt128], indexBits: Int) {
        let count = 1 << indexBits
        precondition(indexBits <= 15 && weights.count <= count, "\(weights.count) values in \(indexBits) bits")
        let capacity = UInt128(1) << Self.thresholdBits
        var rest = weights + [UInt128](repeating: 0, count: count - weights.count)
        precondition(rest.reduce(0, +) == capacity << indexBits, "probabilities that do not add up to one")
        var columns = [Column](repeating: Column(), count: count)
        func divide(_ column: Int, at threshold: UInt128, alias: Int) {
            columns[column] = Column(
                high: UInt64(truncatingIfNeeded: threshold >> 48),
                low: UInt64(truncatingIfNeeded: threshold) << 16 | UInt64(alias)
            )
        }
        var small = rest.indices.filter { rest[$0] < capacity }
        var large = rest.indices.filter { rest[$0] >= capacity }
        while let column = small.popLast(), let alias = large.last {
            divide(column, at: rest[column], alias: alias)
            rest[alias] -= capacity - rest[column]
            if rest[alias] < capacity {
                large.removeLast()
                small.append(alias)
            }
        }
        // What is left over is full: all of it belongs to its own value.
        for column in large { divide(column, at: 0, alias: column) }
        self.columns = columns
        mask = UInt64(count - 1)
    }

    /// Returns a value, given 128 random bits.
    ///
    /// The same instructions run for every value; which part of the table is read depends on it.
    @inline(__always)
    func value(_ high: UInt64, _ low: UInt64) -> Int {
        let index = low & mask
        let column = columns[Int(truncatingIfNeeded: index)]
        // 112-bit comparison by subtraction: a borrow says that the random number is below the threshold.
        let (_, lowBorrow) = (low >> 16).subtractingReportingOverflow(column.low >> 16)
        let (difference, highBorrow) = high.subtractingReportingOverflow(column.high)
        let nextBorrow = difference < (lowBorrow ? 1 : 0)
        let own = 0 &- (UInt64(highBorrow ? 1 : 0) | UInt64(nextBorrow ? 1 : 0))
        return Int(truncatingIfNeeded: index & own | column.low & 0xFFFF & ~own)
    }

    /// The probabilities that the columns give to each value, for tests.
    var weights: [UInt128] {
        var weights = [UInt128](repeating: 0, count: columns.count)
        for (index, column) in columns.enumerated() {
            let threshold = UInt128(column.high) << 48 | UInt128(column.low >> 16)
            weights[index] += threshold
            weights[Int(column.low & 0xFFFF)] += (UInt128(1) << Self.thresholdBits) - threshold
        }
        return weights
    }
}
