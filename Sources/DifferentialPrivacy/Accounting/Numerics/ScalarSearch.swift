private import Foundation

/// Searches along one axis.
enum ScalarSearch {
    /// Finds where a function that falls and then rises is smallest, by golden section.
    ///
    /// - Parameters:
    ///   - function: What to make small.
    ///   - lower: Where to begin.
    ///   - upper: Where to end.
    ///   - width: How far the result may be from the smallest place.
    /// - Returns: The best place that was looked at, and the value there.
    static func minimum(
        of function: (Double) -> Double,
        from lower: Double,
        to upper: Double,
        width: Double = 1e-6
    ) -> (place: Double, value: Double) {
        let ratio = (5.0.squareRoot() - 1) / 2
        var (low, high) = (lower, upper)
        var left = (place: high - ratio * (high - low), value: 0.0)
        var right = (place: low + ratio * (high - low), value: 0.0)
        left.value = function(left.place)
        right.value = function(right.place)
        while high - low > width {
            if left.value <= right.value {
                high = right.place
                right = left
                left.place = high - ratio * (high - low)
                left.value = function(left.place)
            } else {
                low = left.place
                left = right
                right.place = low + ratio * (high - low)
                right.value = function(right.place)
            }
        }
        return left.value <= right.value ? left : right
    }

    /// Finds the smallest number at which a condition holds that holds at everything larger, by bisection.
    ///
    /// - Parameters:
    ///   - condition: Holds at `upper`.
    ///   - lower: Where it does not hold.
    ///   - upper: Where it holds.
    ///   - relativeError: How much larger the result may be.
    /// - Returns: A number at which the condition holds.
    static func smallest(
        where condition: (Double) -> Bool,
        from lower: Double,
        to upper: Double,
        relativeError: Double
    ) -> Double {
        var (low, high) = (lower, upper)
        while high - low > relativeError * high {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { break }
            if condition(middle) { high = middle } else { low = middle }
        }
        return high
    }
}
