private import LinearAlgebra

/// The grid that clipped updates lie on: multiples of a power of two, and a bound on their norm in whole steps.
///
/// Differential privacy rests on one number, by how much one participant can change the sum. In floating point it holds
/// only up to rounding, and rounding can be used against it (Mironov, 2012; Casacuberta et al., 2022). On a grid the sum is
/// one of integers, and integer arithmetic decides whether an update is within the bound.
///
/// Steps are within ±2²⁴, so a 32-bit float holds each of them exactly: an update that has been put on the grid can be
/// stored and sent as floats, and lies on the grid still when it arrives.
package struct FixedPointGrid: Sendable, Hashable {
    /// C: no update's L2 norm is above it.
    package let clippingNorm: Double
    /// d: how many numbers an update has.
    package let dimension: Int
    /// The distance between two neighbouring numbers: a power of two.
    package let spacing: Double
    /// Δ, the largest L2 norm in steps: C / spacing rounded down, at least 2²⁰ and below 2²⁴.
    package let bound: Int
    /// The norm, in steps, that longer updates are scaled to before they are rounded.
    private let target: Double

    /// Chooses the spacing.
    ///
    /// Δ is at least 64·√d, so that rounding, half a step a number at most, is small beside the norm. Beside noise of zΔ
    /// steps in each number it is nothing at all.
    ///
    /// - Parameters:
    ///   - clippingNorm: C, from 2⁻⁹⁶ to 2⁹⁶.
    ///   - dimension: d, from 1 to 2³⁴.
    /// - Throws: ``PrivacyError/parameter(name:value:range:)`` when one of them is out of its range.
    package init(clippingNorm: Double, dimension: Int) throws(PrivacyError) {
        guard 0x1p-96 <= clippingNorm, clippingNorm <= 0x1p96 else {
            throw .parameter(name: "clipping_norm", value: clippingNorm, range: "a number from 2^-96 to 2^96")
        }
        guard 1 <= dimension, dimension <= 1 << 34 else {
            throw .parameter(
                name: "the number of trained parameters",
                value: Double(dimension),
                range: "a number from 1 to 2^34"
            )
        }
        let bitsOfDimension = Int.bitWidth - (dimension - 1).leadingZeroBitCount
        let bits = max(20, 6 + (bitsOfDimension + 1) / 2)
        self.clippingNorm = clippingNorm
        self.dimension = dimension
        // C = m·2ᵉ with m in [1, 2), so C / spacing is m·2^bits.
        spacing = Double(sign: .plus, exponent: Int(clippingNorm.exponent) - bits, significand: 1)
        bound = Int(clippingNorm / spacing)
        // Rounding adds 1/12 to the mean square of a number and little more than Δ in all: aim so much below the bound that
        // hardly any update has to be shrunk afterwards.
        let square = Double(bound) * Double(bound)
        target = (square - Double(dimension) / 12 - 4 * Double(bound)).squareRoot()
    }

    // MARK: - Encoding

    /// Puts an update on the grid and within the bound.
    ///
    /// Longer updates are scaled, all are rounded to the nearest step, and integer arithmetic decides: whatever is still
    /// too long is shrunk towards zero.
    ///
    /// - Parameters:
    ///   - update: As many numbers as the grid has dimensions.
    ///   - threads: How many threads work on it.
    /// - Returns: The steps, and whether the update was longer than C.
    /// - Throws: ``PrivacyError/dimension(expected:found:)``, or ``PrivacyError/notFinite`` when a number is infinite or NaN.
    package func encode(
        _ update: [Float],
        threads: Int = Concurrency.processorCount
    ) throws(PrivacyError) -> EncodedUpdate {
        let fit = try fit(StoredChange(update), threads: threads)
        var steps = [Int32](repeating: 0, count: update.count)
        Concurrency.forEachPiece(of: &steps, length: GridSteps.pieceLength, threads: threads) { range, piece in
            GridSteps.write(update.span.extracting(range), scale: fit.scale, shrink: fit.shrink, to: &piece)
        }
        return EncodedUpdate(steps: steps, isClipped: fit.isClipped)
    }

    /// Returns what steps stand for, exactly.
    package func decode(_ update: EncodedUpdate) -> [Float] {
        update.steps.map { Float(Double($0) * spacing) }
    }

    // MARK: - Fitting

    /// How an update comes to lie on the grid and within the bound.
    struct Fit: Sendable {
        /// A step is the integer nearest to value · scale.
        let scale: Double
        /// What it is shrunk by, towards zero, in multiples of 2⁻³⁰.
        var shrink = GridSteps.unshrunk
        /// Whether the update was longer than C.
        let isClipped: Bool
        /// Whether its steps may yet turn out too long, by rounding, and have to be shrunk.
        let isProvisional: Bool
    }

    /// Finds out how `change` is put on the grid.
    ///
    /// - Parameters:
    ///   - change: As many numbers as the grid has dimensions.
    ///   - threads: How many threads work on it.
    /// - Returns: What ``GridSteps`` needs.
    /// - Throws: ``PrivacyError`` for another dimension or a number that is not finite.
    func fit(_ change: StoredChange, threads: Int) throws(PrivacyError) -> Fit {
        var fit = try provisionalFit(change, threads: threads)
        if fit.isProvisional {
            fit.shrink = shrink(forSquaredNorm: norms(of: change, scale: fit.scale, threads: threads).squaredSteps)
        }
        return fit
    }

    /// Finds out in one pass how `change` is put on the grid, without a look at the steps of what is longer than the bound.
    ///
    /// What lies within the bound when it is rounded stays as it is.
    ///
    /// - Throws: As ``fit(_:threads:)``.
    func provisionalFit(_ change: StoredChange, threads: Int) throws(PrivacyError) -> Fit {
        guard change.count == dimension else { throw .dimension(expected: dimension, found: change.count) }
        let asItIs = norms(of: change, scale: 1 / spacing, threads: threads)
        // A number that is not finite counts as the longest step, which alone is beyond the bound.
        if asItIs.squaredSteps <= UInt128(bound) * UInt128(bound) {
            return Fit(scale: 1 / spacing, isClipped: false, isProvisional: false)
        }
        // The squares of finite 32-bit floats, however many, add up to a finite number.
        guard asItIs.square.isFinite else { throw .notFinite }
        let norm = asItIs.square.squareRoot()
        return Fit(scale: min(1 / spacing, target / norm), isClipped: norm > clippingNorm, isProvisional: true)
    }

    /// Returns the squared L2 norms of numbers, and of their steps.
    private func norms(
        of change: StoredChange,
        scale: Double,
        threads: Int
    ) -> (square: Double, squaredSteps: UInt128) {
        let stretches = GridSteps.stretches(of: dimension)
        return Concurrency.map(stretches.count, threads: threads) { index in
            var scratch = [Float](repeating: 0, count: GridSteps.pieceLength)
            var (square, squaredSteps) = (0.0, UInt128(0))
            for piece in GridSteps.pieces(of: stretches[index]) {
                change.withNumbers(in: piece, scratch: &scratch) { numbers in
                    square += sumOfSquares(numbers)
                    squaredSteps += UInt128(GridSteps.sumOfSquares(numbers, scale: scale))
                }
            }
            change.release(stretches[index])
            return (square: square, squaredSteps: squaredSteps)
        }.reduce((square: 0, squaredSteps: 0)) { ($0.square + $1.square, $0.squaredSteps + $1.squaredSteps) }
    }

    /// Returns the factor, in multiples of 2⁻³⁰, that brings integers within the bound.
    ///
    /// With N² the integers' squared norm and M ≥ N an integer, it is at most Δ/M. Each integer v becomes at most |v|·Δ/M,
    /// so that the squared norm becomes at most N²·Δ²/M² ≤ Δ².
    func shrink(forSquaredNorm square: UInt128) -> UInt32 {
        let bound = UInt128(bound)
        guard square > bound * bound else { return GridSteps.unshrunk }
        // A 64-bit float gives the root to within few units; the loop makes it an upper bound.
        var root = UInt128(Double(square).squareRoot())
        while root * root < square { root += 1 }
        return UInt32(bound << UInt128(GridSteps.unshrunk.trailingZeroBitCount) / root)
    }
}
