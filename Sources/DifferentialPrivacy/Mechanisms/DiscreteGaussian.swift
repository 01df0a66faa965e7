private import LinearAlgebra
private import Synchronization

/// Draws integers x with P(x) ∝ exp(−x²/2σ²), for any σ from 1/4 to 2⁴⁰, with the same work for each of them.
///
/// A σ of up to 341 is drawn from one table. A larger one is the sum x₀ + k·x₁ + k²·x₂ … of such draws, all of one σ₀ with
/// σ² = σ₀²·(1 + k² + k⁴ + …): convolution of discrete Gaussians (Micciancio and Walter, CRYPTO 2017)
/// is a discrete Gaussian again where σ₀ ≥ 1.9·√(1 + k²), up to a factor in each probability that differs from one by less
/// than 2⁻¹⁰⁰.
///
/// The article <doc:DiscreteGaussianNoise> derives how far the law is from the one named; ``distance`` states it.
package struct DiscreteGaussian: Sendable {
    /// σ.
    package let deviation: Double
    /// How many draws from the table a number takes.
    package let levels: Int
    /// k.
    private let factor: Int
    private let table: AliasTable
    private let reach: Int

    /// What a discrete Gaussian needs to be smooth: with this σ, the sums of its density over any two shifted grids differ
    /// by a factor within 1 ± 2⁻¹⁰¹, from 2·exp(−2π²·1.9²).
    package static let smoothing = 1.9

    /// The largest σ.
    package static let largestDeviation = 0x1p40

    /// A table of one σ₀.
    private struct Prepared: Sendable {
        let base: Double
        let table: AliasTable
        let reach: Int
    }

    /// The table that was prepared last: the updates of a job are all noised alike.
    private static let latest = Mutex<Prepared?>(nil)

    /// Prepares a table, which takes about a millisecond, unless it is the one that was prepared last.
    ///
    /// - Parameter deviation: σ, from 1/4 to 2⁴⁰.
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` when σ is out of this range.
    package init(deviation: Double) throws(PrivacyError) {
        guard DiscreteGaussianLaw.smallestDeviation <= deviation, deviation <= Self.largestDeviation else {
            throw .parameter(
                name: "the noise's standard deviation in steps of the grid",
                value: deviation,
                range: "a number from \(DiscreteGaussianLaw.smallestDeviation) to 2^40"
            )
        }
        let plan = Self.plan(deviation)
        let prepared = Self.prepared(plan.base)
        self.deviation = deviation
        (levels, factor) = (plan.levels, plan.factor)
        (table, reach) = (prepared.table, prepared.reach)
    }

    private static func prepared(_ base: Double) -> Prepared {
        if let known = latest.withLock({ $0 }), known.base == base { return known }
        let law = DiscreteGaussianLaw(deviation: base)
        let prepared = Prepared(
            base: base,
            table: AliasTable(weights: law.weights.dropFirst().reversed() + law.weights, indexBits: law.indexBits),
            reach: law.reach
        )
        latest.withLock { $0 = prepared }
        return prepared
    }

    /// Chooses how a σ is put together: with as few draws as possible, and of those with the smallest factor.
    static func plan(_ deviation: Double) -> (levels: Int, factor: Int, base: Double) {
        let largest = DiscreteGaussianLaw.largestDeviation
        if deviation <= largest { return (1, 1, deviation) }
        for levels in 2...8 {
            // σ₀ = σ/√(1 + k² + … + k^(2·(levels − 1))), rounded up: σ is never smaller than asked for.
            func base(_ factor: Int) -> Double {
                let square = Double(factor * factor)
                let sum = (1..<levels).reduce(1.0) { sum, _ in sum * square + 1 }
                return deviation / sum.squareRoot() * (1 + 0x1p-50)
            }
            let mostFactor = Int(largest / smoothing)
            guard let factor = (2...mostFactor).first(where: { base($0) <= largest }) else { continue }
            if base(factor) >= smoothing * Double(factor * factor + 1).squareRoot() {
                return (levels, factor, base(factor))
            }
        }
        preconditionFailure("a σ of \(deviation) takes finitely many levels")
    }

    // MARK: - What is known of the numbers

    /// A bound on the total variation distance between a drawn number and a discrete Gaussian: below 2⁻⁹⁸.
    package var distance: Double { Double(levels) * 0x1p-101 }

    /// The largest number that can be drawn, either way; below 2⁵².
    package var largestMagnitude: Int64 {
        (0..<levels).reduce(Int64(0)) { sum, _ in sum * Int64(factor) + Int64(reach) }
    }

    // MARK: - Drawing

    /// Returns numbers that follow from a key: the same ones on any number of threads.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - key: Used for nothing else.
    ///   - threads: How many threads draw.
    /// - Returns: The numbers.
    package func numbers(
        _ count: Int,
        from key: NoiseKey,
        threads: Int = Concurrency.processorCount
    ) -> [Int64] {
        var numbers = [Int64](repeating: 0, count: count)
        add(to: &numbers, from: key, negated: false, threads: threads)
        return numbers
    }

    /// Adds numbers that follow from a key, or subtracts the same ones.
    ///
    /// - Parameters:
    ///   - target: Each of its elements gets a number.
    ///   - key: Used for nothing else.
    ///   - negated: Whether to subtract.
    ///   - threads: How many threads draw.
    package func add(
        to target: inout [Int64],
        from key: NoiseKey,
        negated: Bool,
        threads: Int = Concurrency.processorCount
    ) {
        let sign: Int64 = negated ? -1 : 1
        Concurrency.forEachPiece(of: &target, length: Self.blockLength, threads: threads) { range, piece in
            let words = key.words(2 * levels * range.count, block: UInt64(range.lowerBound / Self.blockLength))
            add(to: &piece, from: words.span, times: sign)
        }
    }

    /// How many numbers share a block of random words; a block's numbers depend on the key and the block alone.
    private static let blockLength = 1 << 12

    private func add(to piece: inout MutableSpan<Int64>, from words: Span<UInt64>, times sign: Int64) {
        let (levels, factor, reach) = (levels, Int64(factor), Int64(reach))
        var place = 0
        for index in 0..<piece.count {
            // Below 2⁵², so nothing overflows.
            var sum: Int64 = 0
            for _ in 0..<levels {
                let value = Int64(table.value(words[place], words[place &+ 1])) &- reach
                sum = sum &* factor &+ value
                place &+= 2
            }
            piece[index] &+= sign &* sum
        }
    }
}
