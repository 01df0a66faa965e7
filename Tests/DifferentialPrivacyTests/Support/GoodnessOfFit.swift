import Foundation
import LinearAlgebra

/// How well drawn integers fit their distribution.
struct GoodnessOfFit {
    /// How often each of the bins was hit.
    private(set) var counts: [Int]
    private let edges: [Double]
    /// The bins' probabilities.
    private let probabilities: [Double]

    /// Bins between rising edges, and one on either side; `cumulative` is the probability of what is below an edge.
    init(edges: [Double], cumulative: (Double) -> Double) {
        self.edges = edges
        let below = [0] + edges.map(cumulative) + [1]
        probabilities = zip(below.dropFirst(), below).map { $0 - $1 }
        counts = [Int](repeating: 0, count: probabilities.count)
    }

    mutating func add(_ numbers: [Int64]) {
        for number in numbers {
            // The first edge above the number, by bisection.
            var (low, high) = (0, edges.count)
            while low < high {
                let middle = (low + high) / 2
                if edges[middle] <= Double(number) { low = middle + 1 } else { high = middle }
            }
            counts[low] += 1
        }
    }

    private var total: Double { Double(counts.reduce(0, +)) }

    /// Pearson's χ² as a standard normal deviate, by Wilson and Hilferty.
    var chiSquareDeviate: Double {
        let square = zip(counts, probabilities).reduce(0.0) { sum, bin in
            let expected = total * bin.1
            return sum + (Double(bin.0) - expected) * (Double(bin.0) - expected) / expected
        }
        let k = Double(counts.count - 1)
        return (pow(square / k, 1 / 3) - (1 - 2 / (9 * k))) / (2 / (9 * k)).squareRoot()
    }

    /// Kolmogorov and Smirnov's √n·sup|F − F₀|, over the edges.
    var kolmogorovSmirnov: Double {
        var (seen, expected, largest) = (0.0, 0.0, 0.0)
        for (count, probability) in zip(counts, probabilities) {
            seen += Double(count) / total
            expected += probability
            largest = max(largest, abs(seen - expected))
        }
        return largest * total.squareRoot()
    }
}
