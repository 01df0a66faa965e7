private import Foundation

/// Some measurements of the same thing.
struct Figures: CustomStringConvertible {
    private let sorted: [Double]

    init(_ values: [Double]) {
        self.sorted = values.sorted()
    }

    var median: Double { sorted.isEmpty ? 0 : sorted[sorted.count / 2] }

    var description: String {
        "\(Self.text(median)) s (\(Self.text(sorted.first ?? 0))…\(Self.text(sorted.last ?? 0)), \(sorted.count) rounds)"
    }

    static func text(_ value: Double) -> String { String(format: "%.2f", value) }
}
