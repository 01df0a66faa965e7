private import Foundation

/// The privacy loss of one step of the Poisson-sampled Gaussian mechanism, as a function of what the step shows.
///
/// With p₀ = N(0, z²) and p₁ = N(1, z²), the step shows x from p = (1 − q)·p₀ + q·p₁ when the participant is there and from
/// p₀ when not; the loss is l(x) = log p(x)/p₀(x) = log(1 − q + q·e^u) with u = (2x − 1)/(2z²), which rises with x.
struct SampledGaussianLoss: Sendable {
    /// z.
    let noiseMultiplier: Double
    /// q, in (0, 1].
    let rate: Double

    private var variance: Double { noiseMultiplier * noiseMultiplier }

    /// l(x).
    func loss(at x: Double) -> Double {
        let exponent = (2 * x - 1) / (2 * variance)
        guard rate < 1 else { return exponent }
        return exponent < 1
            ? log1p(rate * expm1(exponent)) : exponent + log(rate) + log1p((1 - rate) / rate * exp(-exponent))
    }

    /// The x at which the loss is `loss`, −∞ where it is larger everywhere.
    func place(ofLoss loss: Double) -> Double {
        guard rate < 1 else { return variance * loss + 0.5 }
        let exponent: Double
        if loss < 0.5 {
            let ratio = expm1(loss) / rate
            guard ratio > -1 else { return -.infinity }
            exponent = log1p(ratio)
        } else {
            exponent = loss - log(rate) + log1p(-(1 - rate) * exp(-loss))
        }
        return variance * exponent + 0.5
    }

    /// P(X ≤ x) when the participant is there.
    func probability(upTo x: Double) -> Double {
        (1 - rate) * NormalTail.below(x / noiseMultiplier) + rate * NormalTail.below((x - 1) / noiseMultiplier)
    }

    /// P(X > x) when the participant is there.
    func probability(above x: Double) -> Double {
        (1 - rate) * NormalTail.above(x / noiseMultiplier) + rate * NormalTail.above((x - 1) / noiseMultiplier)
    }

    /// Splits the probability between two places onto the losses there, so that both neighbours keep all of theirs.
    ///
    /// A mass m under p and a mass n under p₀ lie between losses a and b. Only one pair of masses at a and at b has the same
    /// two sums: (e^b·n − m)/(e^h − 1) and (m − e^a·n)/(1 − e^−h), where h = b − a. Of all distributions on a grid that
    /// are no better than the true one, this is the best: "connect the dots" (Doroshenko, Ghazi, Kamath, Kumar &
    /// Manurangsi, arXiv:2207.04380).
    ///
    /// - Parameters:
    ///   - from: x at loss a, or −∞.
    ///   - to: x at loss b.
    ///   - loss: a.
    ///   - width: h.
    /// - Returns: The probabilities of a and b under p, with full relative precision.
    func split(from: Double, to: Double, loss: Double, width: Double) -> (lower: Double, upper: Double) {
        let span = (to - from) / noiseMultiplier
        let farthest = max(abs(from), abs(to)) / noiseMultiplier
        return span * (1 + farthest) <= 0.5 && (to - from) / variance <= 1
            ? splitByQuadrature(from: from, to: to, width: width)
            : splitByTails(from: from, to: to, loss: loss, width: width)
    }

    /// Splits a narrow cell's probability.
    ///
    /// The integrand of m − e^a·n = ∫ q·p₁(x)·(1 − e^((x_a − x)/z²)) dx has one sign, and so has the other's: nothing
    /// cancels. Five points leave out less than 1e-13 of it where the normal density is as smooth as here.
    private func splitByQuadrature(from: Double, to: Double, width: Double) -> (lower: Double, upper: Double) {
        let (middle, half) = ((from + to) / 2, (to - from) / 2)
        var (lower, upper) = (0.0, 0.0)
        for (node, weight) in Self.gaussLegendre {
            let x = middle + half * node
            let deviation = (x - 1) / noiseMultiplier
            let density = weight * exp(-0.5 * deviation * deviation)
            lower += density * expm1((to - x) / variance)
            upper -= density * expm1((from - x) / variance)
        }
        let scale = rate * half / (noiseMultiplier * (2 * Double.pi).squareRoot())
        return (scale * lower / expm1(width), scale * upper / -expm1(-width))
    }

    /// Splits a wide cell's probability, such as that of the normal distribution's lower half where few are sampled.
    private func splitByTails(from: Double, to: Double, loss: Double, width: Double) -> (lower: Double, upper: Double) {
        let without = NormalTail.between(from / noiseMultiplier, to / noiseMultiplier)
        let with = NormalTail.between((from - 1) / noiseMultiplier, (to - 1) / noiseMultiplier)
        let mass = (1 - rate) * without + rate * with
        let excess: Double
        if loss < 1 {
            excess = rate * with - (rate + expm1(loss)) * without
        } else {
            // e^a is large and n is small: only their product is known to be neither.
            let near = loss + NormalTail.logAbove(from / noiseMultiplier)
            let far = loss + NormalTail.logAbove(to / noiseMultiplier)
            excess = mass - (exp(near) - exp(far))
        }
        let upper = min(max(excess / -expm1(-width), 0), mass)
        return (mass - upper, upper)
    }

    private static let gaussLegendre: [(node: Double, weight: Double)] = [
        (-0.906179845938664, 0.236926885056189), (-0.538469310105683, 0.478628670499366),
        (0, 0.568888888888889),
        (0.538469310105683, 0.478628670499366), (0.906179845938664, 0.236926885056189),
    ]
}
