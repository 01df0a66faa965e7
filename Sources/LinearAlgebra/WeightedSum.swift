private import CKernels
private import Synchronization

/// Returns Σ cᵢ·xᵢ of matrices of one shape, and a report about each of them, in one pass over their elements.
///
/// Sums are kept in 64 bits, in the order of the matrices, and rounded once at the end: the result depends on the values
/// and their order alone. Mapped matrices are read where they lie and released behind the reader, so that the memory in
/// use does not grow with how many there are: at most eight of them are resident at a time, and 2 MiB of each.
///
/// - Parameters:
///   - matrices: x₁…xₙ, at least one.
///   - coefficients: c₁…cₙ.
///   - threads: How many threads to use. The result does not depend on it.
/// - Returns: The sum, and for each matrix whether it is finite and the sum of its squares. Where one is not finite the
///   sum is not, or is of no use: its owner drops it.
/// - Complexity: O(n·rows·columns), at about the speed of memory.
package func weightedSum(
    of matrices: [StoredMatrix],
    coefficients: [Double],
    threads: Int = Concurrency.processorCount
) -> (sum: Matrix, reports: [AccumulationReport]) {
    precondition(
        !matrices.isEmpty && matrices.count == coefficients.count,
        "\(coefficients.count) coefficients do not fit \(matrices.count) matrices"
    )
    let (rows, columns) = (matrices[0].rows, matrices[0].columns)
    precondition(matrices.allSatisfy { $0.rows == rows && $0.columns == columns }, "the matrices differ in shape")

    var squares = [Double](repeating: 0, count: matrices.count)
    let elements = unsafe [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
        // Every element is written below, so the storage need not be cleared first.
        var target = unsafe MutableSpan(
            _unsafeElements: UnsafeMutableBufferPointer(rebasing: buffer[..<(rows * columns)])
        )
        addUp(matrices, coefficients, threads: threads, into: &target, squares: &squares)
        count = rows * columns
    }
    let reports = squares.map { AccumulationReport(isFinite: $0.isFinite, sumOfSquares: $0) }
    return (Matrix(rows: rows, columns: columns, elements: elements), reports)
}

/// Writes the sum to every element of `target`, and adds each matrix's sum of squares to `squares`.
private func addUp(
    _ matrices: [StoredMatrix],
    _ coefficients: [Double],
    threads: Int,
    into target: inout MutableSpan<Float>,
    squares: inout [Double]
) {
    for segmentStart in stride(from: 0, to: target.count, by: SumTile.segmentLength) {
        let segment = segmentStart..<min(target.count, segmentStart + SumTile.segmentLength)
        var tiles = SumTile.cover(segment)
        let batch = SumTile.batchSize(forSegmentOf: segment.count)
        for first in stride(from: 0, to: matrices.count, by: batch) {
            let members = first..<min(matrices.count, first + batch)
            Concurrency.forEach(in: &tiles, threads: threads) { _, tile in
                tile.add(matrices, coefficients, members)
            }
            for tile in tiles {
                for (index, member) in members.enumerated() {
                    squares[member] += tile.squares[index]
                }
            }
            for member in members {
                matrices[member].release(segment)
            }
        }
        for tile in tiles {
            tile.round(into: &target)
        }
        SumTile.recycle(&tiles)
    }
}

/// A stretch of the sum that stays in one core's cache while the matrices pass by.
private struct SumTile: Sendable {
    let elements: Range<Int>
    /// The sum so far, in 64 bits.
    private var sums: [Double]
    /// The sums of squares of the latest batch of matrices, within this tile.
    private(set) var squares: [Double] = []

    private init(_ elements: Range<Int>) {
        self.elements = elements
        self.sums = Self.spareStorage.withLock { $0.popLast() } ?? [Double](repeating: 0, count: Self.length)
        var span = sums.mutableSpan
        for index in 0..<elements.count { span[index] = 0 }
    }

    /// Storage of earlier tiles: fresh memory costs a page fault for each 4 KiB, which for a handful of clients is more
    /// than summing them.
    private static let spareStorage = Mutex<[[Double]]>([])
    private static let mostSpares = 2 * segmentLength / length

    /// Keeps the storage of tiles that are done for the next ones; 8 MiB at most.
    static func recycle(_ tiles: inout [SumTile]) {
        let storage = tiles.map(\.sums)
        tiles = []
        spareStorage.withLock { spares in
            spares += storage.prefix(mostSpares - min(spares.count, mostSpares))
        }
    }

    /// How many elements a tile has: 128 KiB of sums.
    private static let length = 1 << 14

    /// How many elements are worked on between two releases; tiles divide it.
    static let segmentLength = 1 << 19

    /// How many matrices are read between two releases: four whole segments, or eight parts of huge pages, which are
    /// mapped whole however little of them is read.
    static func batchSize(forSegmentOf count: Int) -> Int {
        max(Int(tributary_group_size), 4 * segmentLength / max(count, segmentLength / 2))
    }

    /// The tiles of a segment.
    static func cover(_ segment: Range<Int>) -> [SumTile] {
        stride(from: segment.lowerBound, to: segment.upperBound, by: length).map {
            SumTile($0..<min(segment.upperBound, $0 + length))
        }
    }

    /// Adds the tile's elements of `matrices[members]`, several in each pass over the sums.
    mutating func add(_ matrices: [StoredMatrix], _ coefficients: [Double], _ members: Range<Int>) {
        squares = [Double](repeating: 0, count: members.count)
        for first in stride(from: members.lowerBound, to: members.upperBound, by: Int(tributary_group_size)) {
            let group = first..<min(members.upperBound, first + Int(tributary_group_size))
            unsafe Self.withSources(of: matrices[group], elements, []) { sources in
                unsafe coefficients.withUnsafeBufferPointer { coefficients in
                    unsafe squares.withUnsafeMutableBufferPointer { squares in
                        guard let coefficients = coefficients.baseAddress, let squares = squares.baseAddress else {
                            return
                        }
                        unsafe tributary_accumulate_group(
                            &sums,
                            sources,
                            coefficients + first,
                            group.count,
                            elements.count,
                            squares + (first - members.lowerBound)
                        )
                    }
                }
            }
        }
    }

    /// Rounds the sums to 32 bits into their place in the whole sum.
    func round(into target: inout MutableSpan<Float>) {
        unsafe target.withUnsafeMutableBufferPointer { target in
            guard let base = target.baseAddress else { return }
            unsafe tributary_scale_to_binary32(base + elements.lowerBound, sums, 1, elements.count)
        }
    }

    /// Lends the addresses of the same elements of several matrices at once.
    private static func withSources(
        of matrices: ArraySlice<StoredMatrix>,
        _ elements: Range<Int>,
        _ sources: [UnsafePointer<Float>?],
        _ body: ([UnsafePointer<Float>?]) -> Void
    ) {
        guard let matrix = matrices.first else {
            unsafe body(sources)
            return
        }
        matrix.withElements { span in
            unsafe span.extracting(elements).withUnsafeBufferPointer { buffer in
                unsafe withSources(of: matrices.dropFirst(), elements, sources + [buffer.baseAddress], body)
            }
        }
    }
}
