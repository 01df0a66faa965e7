/// How n numbers become one that no small minority of them can move far.
///
/// All are the mean of a contiguous part of the sorted numbers, all commute with adding a constant to every number, and
/// in none does a client's weight matter: a weight is what a client says about itself.
package enum CoordinateRule: Sendable, Hashable {
    /// The middle number, or the mean of the two in the middle (Yin et al., ICML 2018, arXiv:1803.01498).
    case median
    /// The mean without the ⌊βn⌋ smallest and the ⌊βn⌋ largest (Yin et al., ICML 2018); 0 ≤ β < ½.
    case trimmedMean(Double)
    /// The mean of the `count` numbers nearest to the median: the second stage of Bulyan (El Mhamdi et al., ICML 2018).
    ///
    /// Of two that are equally near, the smaller is taken.
    case nearestToMedian(count: Int)

    /// Returns the combination of sorted numbers.
    ///
    /// - Parameter sorted: At least one number, ascending; as many as ``CoordinateRule/nearestToMedian(count:)`` takes.
    /// - Returns: The mean of the part of them that counts.
    func combine(_ sorted: Span<Double>) -> Double {
        let part = part(of: sorted)
        var sum = 0.0
        for index in part {
            sum += sorted[index]
        }
        return sum / Double(part.count)
    }

    /// Whether the same places of the sorted numbers count for every coordinate, and which.
    func fixedPart(count n: Int) -> Range<Int>? {
        switch self {
        case .median:
            return (n - 1) / 2..<n / 2 + 1
        case .trimmedMean(let share):
            // 0.29·100 is 28.999… in binary: a share that was meant to give a whole number gives it.
            let trimmed = min(Int(share * Double(n) + 1e-9), (n - 1) / 2)
            return trimmed..<n - trimmed
        case .nearestToMedian:
            return nil
        }
    }

    private func part(of sorted: Span<Double>) -> Range<Int> {
        let n = sorted.count
        if let part = fixedPart(count: n) { return part }
        guard case .nearestToMedian(let count) = self else { return 0..<n }
        precondition(1...n ~= count, "\(count) of \(n) numbers cannot be taken")
        // The nearest lie side by side: the farther end goes until enough are gone.
        let median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2
        var part = 0..<n
        while part.count > count {
            let below = median - sorted[part.lowerBound]
            let above = sorted[part.upperBound - 1] - median
            part = below > above ? part.dropFirst() : part.dropLast()
        }
        return part
    }
}
