/// A fixed list of comparisons that sorts n numbers: Batcher's odd-even merge sort (AFIPS 1968).
///
/// Which places are compared does not depend on the numbers, so a whole tile of coordinates is sorted at once by minima
/// and maxima of rows, without a branch.
struct SortingNetwork: Sendable {
    /// Two places; the smaller number goes to `low`.
    struct Comparator: Sendable, Hashable {
        let low: Int
        let high: Int
    }

    /// n.
    let count: Int
    /// About n·log²(n)/4 of them, in the order in which they are made.
    let comparators: [Comparator]

    /// Creates the network for `count` numbers.
    init(count: Int) {
        self.count = count
        var comparators: [Comparator] = []
        // Knuth, The Art of Computer Programming 3, algorithm 5.2.2M, for any count.
        var width = 1
        while width < count {
            var distance = width
            while distance >= 1 {
                for start in stride(from: distance % width, to: count - distance, by: 2 * distance) {
                    for place in start..<min(start + distance, count - distance)
                    where place / (2 * width) == (place + distance) / (2 * width) {
                        comparators.append(Comparator(low: place, high: place + distance))
                    }
                }
                distance /= 2
            }
            width *= 2
        }
        self.comparators = comparators
    }

    /// Sorts the columns of a tile: rows of `rowLength` vectors each, one row a number, ascending downwards.
    ///
    /// - Complexity: O(rowLength·n·log²n).
    func sortColumns(_ rows: inout [SIMD8<Float>], rowLength: Int) {
        precondition(rows.count == count * rowLength, "\(rows.count) vectors are no \(count) rows of \(rowLength)")
        var rows = rows.mutableSpan
        for comparator in comparators {
            let (low, high) = (comparator.low * rowLength, comparator.high * rowLength)
            for column in 0..<rowLength {
                let (first, second) = (rows[low + column], rows[high + column])
                let exchanged = second .< first
                rows[low + column] = first.replacing(with: second, where: exchanged)
                rows[high + column] = second.replacing(with: first, where: exchanged)
            }
        }
    }
}
