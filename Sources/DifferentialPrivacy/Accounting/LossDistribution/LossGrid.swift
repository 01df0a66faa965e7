private import Foundation

/// A distribution of privacy losses on multiples of one interval, pessimistic for whoever it was made from.
struct LossGrid: Sendable {
    /// h: losses are multiples of it.
    let interval: Double
    /// The multiple at which `logMasses` begins.
    let first: Int
    /// The logarithms of the probabilities of successive multiples.
    let logMasses: [Double]
    /// The probability of losses that no ε bounds.
    let infinite: Double

    private init(interval: Double, first: Int, masses: [Double], infinite: Double) {
        self.interval = interval
        self.first = first
        self.logMasses = masses.map { log($0) }
        self.infinite = infinite
    }

    /// The loss of `logMasses[place]`.
    func loss(at place: Int) -> Double { Double(first + place) * interval }

    /// The loss distributions of one step for both directions of the neighbours.
    ///
    /// The two are one: whoever is removed in one direction is added in the other, so that the mass at −l is e^−l times that
    /// at l.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - interval: h.
    ///   - logTail: The logarithm of the probability beyond which each tail is cut off; losses there count as infinite, or as
    ///     the smallest that is kept.
    /// - Returns: The loss of removing, and that of adding.
    /// - Complexity: O(losses), for which the range of losses, about (18/z + 9/z²), is divided by h.
    static func both(
        of step: SampledGaussianLoss,
        interval: Double,
        logTail: Double
    ) -> (removing: LossGrid, adding: LossGrid) {
        let reach = step.noiseMultiplier * NormalTail.quantile(logMass: logTail)
        let first = Int((step.loss(at: -reach) / interval).rounded(.down))
        let last = max(first + 1, Int((step.loss(at: 1 + reach) / interval).rounded(.up)))
        var masses = [Double](repeating: 0, count: last - first + 1)
        let start = step.place(ofLoss: Double(first) * interval)
        var from = start
        for place in 0..<(last - first) {
            let to = step.place(ofLoss: Double(first + place + 1) * interval)
            guard to > from else { continue }
            let loss = Double(first + place) * interval
            let (lower, upper) = step.split(from: from, to: to, loss: loss, width: interval)
            masses[place] += lower
            masses[place + 1] += upper
            from = to
        }
        var mirrored = masses.indices.map { masses[$0] * exp(-Double(first + $0) * interval) }
        // What is cut off counts as infinite at its upper end, and as the smallest loss that is kept at its lower.
        masses[0] += step.probability(upTo: start)
        mirrored[mirrored.count - 1] += NormalTail.above(from / step.noiseMultiplier)
        return (
            LossGrid(interval: interval, first: first, masses: masses, infinite: step.probability(above: from)),
            LossGrid(
                interval: interval,
                first: -last,
                masses: mirrored.reversed(),
                infinite: NormalTail.below(start / step.noiseMultiplier)
            )
        )
    }
}
