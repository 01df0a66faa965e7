private import Foundation

/// The sum of independent privacy losses of many steps, and the ε that it proves.
///
/// The sum's distribution is one product of Fourier transforms (Koskela, Jälkö & Honkela, arXiv:1906.03049). A transform
/// has an absolute error near 1e-16 of the whole, so that a δ of 1e-12 would be known to few digits. So losses are tilted
/// first: their masses are weighted with e^(θ·loss), which moves the middle of the sum to where ε lies, and the weight is
/// taken off afterwards. Errors are then relative to δ, and the transform needs to cover only the losses near ε.
struct LossComposition: Sendable {
    /// e^−36 is left out on either side of the losses that are transformed.
    private static let logRemainder = -36.0
    /// How far from the tilt further moments are taken, in inverse standard deviations of the tilted sum.
    private static let distances = [0.05, 0.125, 0.3, 0.8, 2, 5, 12]
    /// Transforms of more numbers than these take too long.
    private static let mostLosses = 2_097_152.0

    private let parts: [(grid: LossGrid, count: Int)]
    /// h.
    private let interval: Double
    /// The probability of an infinite loss in any step.
    private let infinite: Double

    /// Composes steps.
    ///
    /// - Parameter parts: Loss distributions on one and the same interval, and how often each occurs, at least once.
    init(_ parts: [(grid: LossGrid, count: Int)]) {
        self.parts = parts
        interval = parts.first?.grid.interval ?? 1
        infinite = -expm1(parts.reduce(0) { $0 + Double($1.count) * log1p(-$1.grid.infinite) })
    }

    // MARK: - Moments

    /// K(θ) = log E[e^(θ·loss)] of the sum, infinite losses left out.
    func logMoment(_ tilt: Double) -> Double {
        parts.reduce(0) { $0 + Double($1.count) * Self.logMoment(of: $1.grid, tilt) }
    }

    private static func logMoment(of grid: LossGrid, _ tilt: Double) -> Double {
        let highest = highestExponent(of: grid, tilt)
        var sum = 0.0
        for place in grid.logMasses.indices {
            sum += exp(tilt * grid.loss(at: place) + grid.logMasses[place] - highest)
        }
        return highest + log(sum)
    }

    /// The largest of θ·loss + log mass, relative to which sums of their exponentials are taken.
    private static func highestExponent(of grid: LossGrid, _ tilt: Double) -> Double {
        var highest = -Double.greatestFiniteMagnitude
        for place in grid.logMasses.indices {
            highest = max(highest, tilt * grid.loss(at: place) + grid.logMasses[place])
        }
        return highest
    }

    /// The standard deviation of the sum under the tilt.
    private func deviation(_ tilt: Double) -> Double {
        let variance = parts.reduce(0.0) { total, part in
            let (grid, highest) = (part.grid, Self.highestExponent(of: part.grid, tilt))
            let weights = grid.logMasses.indices.map { exp(tilt * grid.loss(at: $0) + grid.logMasses[$0] - highest) }
            let mass = weights.reduce(0, +)
            var (first, second) = (0.0, 0.0)
            for (place, weight) in weights.enumerated() { first += weight * grid.loss(at: place) }
            let mean = first / mass
            for (place, weight) in weights.enumerated() {
                let distance = grid.loss(at: place) - mean
                second += weight * distance * distance
            }
            return total + Double(part.count) * second / mass
        }
        return variance.squareRoot()
    }

    /// The tilt of the tightest bound by moments: Rényi's order less 1.
    ///
    /// - Parameters:
    ///   - logDelta: log δ.
    ///   - guess: Where to look.
    ///   - reach: How far from there, as a logarithm.
    /// - Returns: θ, above 0.
    func bestTilt(logDelta: Double, near guess: Double, within reach: Double) -> Double {
        let (place, _) = ScalarSearch.minimum(
            of: { place in
                let tilt = exp(place)
                return (logMoment(tilt) - logDelta - log1p(tilt)) / tilt + log(tilt / (1 + tilt))
            },
            from: log(guess) - reach,
            to: log(guess) + reach,
            width: 0.05
        )
        return exp(place)
    }

    /// The smallest tilt at which the transform's errors are nothing beside δ.
    ///
    /// The more the sum is tilted, the wider it may become: where rare and large losses decide the moments, one that is
    /// tilted as far as they ask is mostly made of these.
    ///
    /// - Parameters:
    ///   - logDelta: log δ.
    ///   - epsilon: About what ε is.
    ///   - best: ``bestTilt(logDelta:near:within:)``, at which errors are smallest.
    /// - Returns: θ, at most `best`.
    func smallestTilt(logDelta: Double, epsilon: Double, upTo best: Double) -> Double {
        // No ε is larger than all losses.
        let epsilon = min(epsilon, extremes.most)
        // The tilt is e^place times smaller than the best one.
        var (near, far) = (0.0, 5.0)
        while far - near > 0.3 {
            let middle = (near + far) / 2
            if isSharp(best * exp(-middle), epsilon: epsilon, logDelta: logDelta) {
                near = middle
            } else {
                far = middle
            }
        }
        return best * exp(-near)
    }

    /// Tells whether the transform's errors at a tilt are nothing beside δ.
    ///
    /// Where the tilt is taken off, they are as much smaller as the sum's middle is likelier than ε.
    ///
    /// - Parameters:
    ///   - tilt: θ.
    ///   - epsilon: ε.
    ///   - logDelta: log δ.
    /// - Returns: Whether they are.
    func isSharp(_ tilt: Double, epsilon: Double, logDelta: Double) -> Bool {
        logMoment(tilt) - tilt * epsilon + log(transformError) <= logDelta + log(1e-5)
    }

    /// An upper bound on the sum of the errors of all masses of the tilted sum.
    ///
    /// A transform's numbers have errors of about 5e-16 of their root mean square, of which the power makes as many times more;
    /// over the losses near the middle, the errors sum up to a few times that. This is about eight times as much.
    private var transformError: Double { 1e-14 * parts.reduce(0) { $0 + Double($1.count) } }

    // MARK: - Answers

    /// The smallest ε at a δ.
    ///
    /// - Parameters:
    ///   - delta: δ in (0, 1).
    ///   - tilt: θ; any number above 0 gives an upper bound, and that of ``bestTilt(logDelta:near:within:)`` a tight one.
    /// - Returns: An upper bound of ε, `nil` where ε is larger than the losses that are looked at, or these are too many.
    /// - Complexity: O(n log n) in the number of losses within about 9 standard deviations of the tilted sum.
    func epsilon(delta: Double, tilt: Double) -> Double? {
        let logMoment = logMoment(tilt)
        guard let range = range(tilt, logMoment) else { return nil }
        let sum = tiltedSum(tilt, over: range)
        // From the largest loss downwards: δ(ε) = P(L > ε) − e^ε·E[e^−L; L > ε], both relative to the loss at hand. What
        // lies above, and errors of the transform, which may have either sign, are added in full.
        let (top, error) = (Double(range.upperBound) * interval, transformError)
        let atTop = exp(logMoment - tilt * top)
        var above = infinite + (top > extremes.most ? 0 : atTop * exp(Self.logRemainder))
        guard above + error * atTop < delta else { return nil }
        var discounted = 0.0
        // e^(K − θ·loss), by one multiplication each; anew every so often, so that neither errors nor zeros stay.
        let (decay, growth, period) = (exp(-interval), exp(tilt * interval), 64)
        var weight = 0.0
        for place in range.reversed() {
            let loss = Double(place) * interval
            weight =
                place & (period - 1) == 0 || place == range.upperBound - 1
                ? exp(logMoment - tilt * loss) : weight * growth
            let mass = max(0, sum[place - range.lowerBound]) * weight
            above += mass
            discounted = discounted * decay + mass
            // δ at the next smaller loss.
            let allowance = error * weight * growth
            if above - discounted * decay + allowance <= delta {
                if loss <= interval { return 0 }
                continue
            }
            // Above δ there, and not here, so ε is between: e^(ε − loss) = (P − δ)/E.
            let distance = log((above + allowance - delta) / discounted)
            // What is not a number gets here, too, and no further.
            return distance.isNaN ? nil : max(0, loss + min(0, distance))
        }
        // ε is smaller than everything that was looked at.
        return max(0, Double(range.lowerBound - 1) * interval)
    }

    /// The multiples of the interval that the tilted sum is likely to be on.
    ///
    /// By Chernoff bounds, from moments further up and further down; `nil` when there are too many.
    private func range(_ tilt: Double, _ logMoment: Double) -> Range<Int>? {
        let deviation = max(deviation(tilt), interval)
        var (low, high) = (-Double.infinity, Double.infinity)
        // Bounds from moments too near are weak, and from those too far away, too: the first that is no better ends the
        // search.
        for distance in Self.distances {
            let step = distance / deviation
            let bound = (self.logMoment(tilt + step) - logMoment - Self.logRemainder) / step
            guard bound < high else { break }
            high = bound
        }
        for distance in Self.distances {
            let step = distance / deviation
            let bound = -(self.logMoment(tilt - step) - logMoment - Self.logRemainder) / step
            guard bound > low else { break }
            low = bound
        }
        let (least, most) = extremes
        let (first, last) = ((max(low, least) / interval).rounded(.down), (min(high, most) / interval).rounded(.up))
        guard last - first < Self.mostLosses, abs(first) < 1e15 else { return nil }
        return Int(first)..<max(Int(first) + 2, Int(last) + 1)
    }

    /// The smallest and the largest finite loss of all steps together.
    private var extremes: (least: Double, most: Double) {
        parts.reduce((0, 0)) { ends, part in
            (
                ends.0 + Double(part.count) * part.grid.loss(at: 0),
                ends.1 + Double(part.count) * part.grid.loss(at: part.grid.logMasses.count - 1)
            )
        }
    }

    /// The masses of the tilted sum at the multiples of the interval in `range`.
    ///
    /// What lies outside comes out inside, as a Fourier transform is cyclic; that makes δ larger and never smaller.
    private func tiltedSum(_ tilt: Double, over range: Range<Int>) -> [Double] {
        var length = 2
        while length < range.count { length *= 2 }
        let transform = FourierTransform(count: length)
        var product: (real: [Double], imaginary: [Double])?
        for part in parts {
            let shift = Self.logMoment(of: part.grid, tilt)
            var real = [Double](repeating: 0, count: length)
            var imaginary = real
            for (place, logMass) in part.grid.logMasses.enumerated() {
                real[(part.grid.first + place) & (length - 1)] += exp(
                    tilt * part.grid.loss(at: place) + logMass - shift
                )
            }
            transform.apply(real: &real, imaginary: &imaginary)
            for place in 0..<length {
                var power = ComplexNumber(real[place], imaginary[place]).power(part.count)
                if let product { power = power * ComplexNumber(product.real[place], product.imaginary[place]) }
                (real[place], imaginary[place]) = (power.real, power.imaginary)
            }
            product = (real, imaginary)
        }
        guard var (real, imaginary) = product else { return [Double](repeating: 0, count: range.count) }
        transform.apply(real: &imaginary, imaginary: &real)
        return range.map { real[$0 & (length - 1)] / Double(length) }
    }
}
