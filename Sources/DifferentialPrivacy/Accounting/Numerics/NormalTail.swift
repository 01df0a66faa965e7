private import Foundation

/// Tails of the standard normal distribution, as far out as privacy parameters lie.
enum NormalTail {
    /// P(X > x), with full relative precision until it underflows near x = 38.
    static func above(_ x: Double) -> Double { 0.5 * erfc(x / 2.0.squareRoot()) }

    /// P(X ≤ x).
    static func below(_ x: Double) -> Double { above(-x) }

    /// log P(X > x), for any x.
    static func logAbove(_ x: Double) -> Double { logErfc(x / 2.0.squareRoot()) - log(2) }

    /// P(a < X ≤ b), computed on the side where no digits cancel.
    static func between(_ a: Double, _ b: Double) -> Double {
        guard a < b else { return 0 }
        return a + b > 0 ? above(a) - above(b) : below(b) - below(a)
    }

    /// A point beyond which there is at most the probability e^`logMass`, on either side.
    ///
    /// By the Chernoff bound P(X > t) ≤ e^(−t²/2).
    static func quantile(logMass: Double) -> Double { max(0, -2 * logMass).squareRoot() }

    /// log erfc(x), where erfc itself underflows beyond x = 26.
    static func logErfc(_ x: Double) -> Double {
        guard x > 25 else { return log(erfc(x)) }
        // The asymptotic series (Abramowitz & Stegun 7.1.23): from here on, five terms leave out less than 1e-13.
        let y = 1 / (2 * x * x)
        return -x * x - log(x * Double.pi.squareRoot())
            + log1p(-y * (1 - 3 * y * (1 - 5 * y * (1 - 7 * y * (1 - 9 * y)))))
    }
}
