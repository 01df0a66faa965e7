import LinearAlgebra

/// The change of one tensor, c·x − c⁰·x⁰, read where x and x⁰ lie.
struct FactorChange: Sendable {
    private let own: StoredMatrix
    private let start: StoredMatrix
    private let ownScale: Double
    private let startScale: Double

    /// Creates the change from `start` to `own`, each at a scale.
    init(_ own: StoredMatrix, _ ownScale: Double = 1, from start: StoredMatrix, _ startScale: Double = 1) {
        self.own = own
        self.start = start
        self.ownScale = ownScale
        self.startScale = startScale
    }

    /// About how many elements of each change are in memory at a time.
    private static let tileLength = 4096

    /// Returns the inner products of changes, each filled up with zero rows and columns to one shape.
    ///
    /// - Complexity: O(n²·rows·columns) for n changes, by matrix products.
    static func innerProducts(of changes: [FactorChange], shape: (rows: Int, columns: Int)) -> InnerProducts {
        let count = changes.count
        let total = shape.rows * shape.columns
        // Whole rows where widths differ; otherwise any part of the elements is the same part for all.
        let isPacked = changes.allSatisfy { $0.own.columns == shape.columns && $0.start.columns == shape.columns }
        let step = isPacked ? tileLength : max(shape.columns, tileLength / max(shape.columns, 1) * shape.columns)
        var products = [Double](repeating: 0, count: count * count)
        for start in stride(from: 0, to: total, by: step) {
            let range = start..<min(start + step, total)
            var tile = [Double](repeating: 0, count: count * range.count)
            var rows = tile.mutableSpan
            for (index, change) in changes.enumerated() {
                let offset = index * range.count
                change.own.add(range, width: shape.columns, scaledBy: change.ownScale, to: &rows, at: offset)
                change.start.add(range, width: shape.columns, scaledBy: -change.startScale, to: &rows, at: offset)
            }
            var sums = products.mutableSpan
            addRowProducts(of: tile.span, rows: count, with: tile.span, rows: count, length: range.count, into: &sums)
        }
        return InnerProducts(count: count, elements: products)
    }
}

extension StoredMatrix {
    /// Adds a multiple of some elements of this matrix, filled up with zeros to rows of `width` elements.
    ///
    /// `range` is of the filled-up matrix: whole rows where this matrix is narrower.
    fileprivate func add(
        _ range: Range<Int>,
        width: Int,
        scaledBy scale: Double,
        to target: inout MutableSpan<Double>,
        at offset: Int
    ) {
        withElements { values in
            guard columns < width else {
                let part = range.clamped(to: 0..<values.count)
                for index in part {
                    target[offset + index - range.lowerBound] += scale * Double(values[index])
                }
                return
            }
            for row in range.lowerBound / width..<min(range.upperBound / width, rows) {
                let place = offset + row * width - range.lowerBound
                for column in 0..<columns {
                    target[place + column] += scale * Double(values[row * columns + column])
                }
            }
        }
    }
}
