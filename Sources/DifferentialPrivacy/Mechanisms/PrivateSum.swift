private import LinearAlgebra
private import Synchronization

/// Adds up updates, each clipped, onto noise.
///
/// It begins with the noise, so that there is never a sum without it in memory. Every update is clipped here, whatever its
/// sender did: adding or removing one changes the integer sum by a vector of norm Δ at most. Integers make the sum the same
/// in any order.
///
/// Up to 2³⁰ updates are added without overflow: steps are below 2²⁴, and noise is below 2⁵².
package struct PrivateSum: Sendable {
    package let grid: FixedPointGrid
    /// How many updates have been added, which is not part of what is released.
    package private(set) var count = 0
    private var sums: [Int64]

    /// Begins a sum.
    ///
    /// - Parameters:
    ///   - noise: Drawn for this release alone, or ``GridNoise/none(on:)``.
    ///   - grid: Of the noise.
    package init(startingWith noise: consuming GridNoise, on grid: FixedPointGrid) {
        precondition(noise.steps.count == grid.dimension, "\(noise.steps.count) numbers of noise for \(grid.dimension)")
        self.grid = grid
        sums = noise.steps
    }

    /// Adds an update that anybody sent.
    ///
    /// - Parameters:
    ///   - update: Its numbers; whoever has put them on the grid before gets the same steps back.
    ///   - threads: How many threads work on it.
    /// - Returns: Whether it was longer than the clipping norm.
    /// - Throws: ``PrivacyError/dimension(expected:found:)`` or ``PrivacyError/notFinite``; nothing has been added then.
    @discardableResult
    package mutating func add(
        _ update: [Float],
        threads: Int = Concurrency.processorCount
    ) throws(PrivacyError) -> Bool {
        let fit = try grid.fit(StoredChange(update), threads: threads)
        Concurrency.forEachPiece(of: &sums, length: GridSteps.pieceLength, threads: threads) { range, piece in
            GridSteps.add(update.span.extracting(range), scale: fit.scale, shrink: fit.shrink, to: &piece)
        }
        count += 1
        return fit.isClipped
    }

    /// Adds steps that anybody sent.
    ///
    /// - Parameters:
    ///   - update: The steps, of any norm.
    ///   - threads: How many threads work on it.
    /// - Throws: ``PrivacyError/dimension(expected:found:)``; nothing has been added then.
    package mutating func add(
        _ update: EncodedUpdate,
        threads: Int = Concurrency.processorCount
    ) throws(PrivacyError) {
        guard update.steps.count == grid.dimension else {
            throw .dimension(expected: grid.dimension, found: update.steps.count)
        }
        let shrink = grid.shrink(forSquaredNorm: update.squaredNorm)
        Concurrency.forEachPiece(of: &sums, length: GridSteps.pieceLength, threads: threads) { range, piece in
            GridSteps.add(update.steps.span.extracting(range), shrink: shrink, to: &piece)
        }
        count += 1
    }

    /// Adds a sum of terms that were clipped where it was computed.
    ///
    /// Such a sum is many times as long as a term, and its steps are not bounded by those of an update.
    ///
    /// - Parameter sum: Numbers in floating point, within 2⁵⁰ steps each; what is beyond is cut off.
    /// - Throws: ``PrivacyError/dimension(expected:found:)`` or ``PrivacyError/notFinite``; nothing has been added then.
    mutating func add(clippedTerms sum: [Float]) throws(PrivacyError) {
        guard sum.count == grid.dimension else { throw .dimension(expected: grid.dimension, found: sum.count) }
        guard allFinite(sum.span) else { throw .notFinite }
        let scale = 1 / grid.spacing
        Concurrency.forEachPiece(of: &sums, length: GridSteps.pieceLength) { range, piece in
            for index in 0..<piece.count {
                let place = Double(sum[range.lowerBound + index]) * scale
                let step = max(-Self.longestStep, min(place, Self.longestStep)).rounded(.toNearestOrEven)
                piece[index] &+= Int64(step)
            }
        }
    }

    /// The longest step of a sum of terms: noise of up to 2⁵² comes on top of it, and nothing else.
    private static let longestStep = 0x1p50

    /// Returns the noised sum divided by a number that was fixed before: the expected, never the actual, number of updates.
    ///
    /// - Parameters:
    ///   - denominator: Above 0.
    ///   - threads: How many threads work on it.
    /// - Returns: The mean that may be released.
    package func mean(over denominator: Double, threads: Int = Concurrency.processorCount) -> [Float] {
        precondition(denominator > 0, "a mean over \(denominator)")
        let (sums, unit) = (sums, grid.spacing / denominator)
        var mean = [Float](repeating: 0, count: sums.count)
        Concurrency.forEachPiece(of: &mean, length: GridSteps.pieceLength, threads: threads) { range, piece in
            GridSteps.decode(sums.span.extracting(range), unit: unit, to: &piece)
        }
        return mean
    }

    /// Returns the noised sum of `changes` and of what has been added before, divided by a number that was fixed before.
    ///
    /// It is the ``mean(over:threads:)`` after each of them has been added, without the sum ever being written to memory:
    /// a piece of it is made, used, and forgotten in a core's cache.
    ///
    /// - Parameters:
    ///   - changes: What anybody sent, of any norm; each is clipped.
    ///   - denominator: Above 0.
    ///   - lengths: Into how many numbers each the mean is cut, which are its tensors; each is the work of one thread.
    ///   - threads: How many threads work on it.
    /// - Returns: The mean that may be released, and how many changes were longer than the clipping norm.
    /// - Throws: ``PrivacyError/dimension(expected:found:)`` or ``PrivacyError/notFinite``.
    package func mean(
        adding changes: [StoredChange],
        over denominator: Double,
        cutInto lengths: [Int],
        threads: Int = Concurrency.processorCount
    ) throws(PrivacyError) -> (mean: [[Float]], clippedCount: Int) {
        precondition(denominator > 0, "a mean over \(denominator)")
        precondition(lengths.reduce(0, +) == grid.dimension, "\(lengths) are not \(grid.dimension) numbers")
        var terms: [Term] = []
        for change in changes { terms.append((change, try grid.provisionalFit(change, threads: threads))) }
        var (mean, squaredSteps) = meanAndNorms(of: terms, over: denominator, cutInto: lengths, threads: threads)
        let shrinks = squaredSteps.map(grid.shrink(forSquaredNorm:))
        if shrinks.contains(where: { $0 < GridSteps.unshrunk }) {
            // Rounding made one too long, which is rare: what was summed up is dropped.
            for index in terms.indices { terms[index].fit.shrink = shrinks[index] }
            mean = meanAndNorms(of: terms, over: denominator, cutInto: lengths, threads: threads).mean
        }
        return (mean, terms.count { $0.fit.isClipped })
    }

    private typealias Term = (change: StoredChange, fit: FixedPointGrid.Fit)

    /// Returns the mean, and the squared norms of the steps of those terms whose fit is provisional, before they were
    /// shrunk; 0 for others.
    private func meanAndNorms(
        of terms: [Term],
        over denominator: Double,
        cutInto lengths: [Int],
        threads: Int
    ) -> (mean: [[Float]], squaredSteps: [UInt128]) {
        let (sums, unit) = (sums, grid.spacing / denominator)
        var end = 0
        let ranges = lengths.map { length in
            end += length
            return end - length..<end
        }
        let squaredSteps = Mutex([UInt128](repeating: 0, count: terms.count))
        let mean = Concurrency.map(ranges.count, threads: threads) { tensor in
            let range = ranges[tensor]
            var numbers = [Float](repeating: 0, count: range.count)
            var means = numbers.mutableSpan
            var scratch = [Float](repeating: 0, count: GridSteps.pieceLength)
            var steps: [Int64] = []
            var squares = [UInt128](repeating: 0, count: terms.count)
            for piece in GridSteps.pieces(of: range) {
                steps.removeAll(keepingCapacity: true)
                steps += sums[piece]
                var span = steps.mutableSpan
                for (index, (change, fit)) in terms.enumerated() {
                    change.withNumbers(in: piece, scratch: &scratch) {
                        if fit.isProvisional {
                            squares[index] += UInt128(GridSteps.sumOfSquares($0, scale: fit.scale))
                        }
                        GridSteps.add($0, scale: fit.scale, shrink: fit.shrink, to: &span)
                    }
                }
                GridSteps.decode(steps.span, unit: unit, to: &means, at: piece.lowerBound - range.lowerBound)
            }
            for (change, _) in terms { change.release(range) }
            squaredSteps.withLock { total in for (index, square) in squares.enumerated() { total[index] += square } }
            return numbers
        }
        return (mean, squaredSteps.withLock { $0 })
    }

    /// The noised sum in steps.
    var steps: [Int64] { sums }
}
