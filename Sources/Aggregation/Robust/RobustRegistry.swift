/// The robust rules by the names that job files and command lines use.
///
/// A new rule is one line in ``entries``.
package enum RobustRegistry {
    private struct Entry: Sendable {
        let name: String
        /// The keys beside `rule` that mean something to it.
        var keys: Set<String> = []
        let make: @Sendable (RobustSettings) throws(AggregationError) -> (any RobustRule)?
    }

    private static let entries: [Entry] = [
        Entry(name: "none") { _ in nil },
        Entry(name: "norm-bound", keys: ["norm"]) { settings throws(AggregationError) in
            NormBounding(try settings.bound())
        },
        Entry(name: "median") { _ in CoordinateStatistic(.median) },
        Entry(name: "trimmed-mean", keys: ["trim"]) { settings throws(AggregationError) in
            CoordinateStatistic(.trimmedMean(try settings.share()))
        },
        Entry(name: "krum", keys: ["byzantine"]) { settings throws(AggregationError) in
            Krum(byzantine: try settings.byzantineCount())
        },
        Entry(name: "multi-krum", keys: ["byzantine"]) { settings throws(AggregationError) in
            Krum(byzantine: try settings.byzantineCount(), keeping: .nearest)
        },
        Entry(name: "bulyan", keys: ["byzantine"]) { settings throws(AggregationError) in
            Bulyan(byzantine: try settings.byzantineCount())
        },
        Entry(name: "geometric-median", keys: ["iterations"]) { settings throws(AggregationError) in
            GeometricMedian(iterations: try settings.iterationCount())
        },
    ]

    /// The names of all rules.
    package static var names: [String] { entries.map(\.name) }

    /// Returns the rule that `settings` describe, or `nil` for `none`.
    ///
    /// - Throws: ``AggregationError/unknownRobustRule(_:known:)``, and
    ///   ``AggregationError/unsuitableSetting(key:problem:remedy:)`` for a value out of range, one that is missing and one
    ///   that means nothing to the rule.
    package static func rule(_ settings: RobustSettings) throws(AggregationError) -> (any RobustRule)? {
        guard let entry = entries.first(where: { $0.name == settings.rule }) else {
            throw .unknownRobustRule(settings.rule, known: names)
        }
        for key in settings.givenKeys where !entry.keys.contains(key) {
            throw .unsuitableSetting(
                key: "robust.\(key)",
                problem: "has no effect with `rule: \(entry.name)`",
                remedy: "Remove it."
            )
        }
        return try entry.make(settings)
    }
}

extension RobustSettings {
    /// The keys beside `rule` that the job gives, in the order of the documentation.
    fileprivate var givenKeys: [String] {
        [
            ("byzantine", byzantine != nil), ("trim", trim != nil), ("norm", norm != nil),
            ("iterations", iterations != nil),
        ]
        .filter(\.1).map(\.0)
    }

    fileprivate func byzantineCount() throws(AggregationError) -> Int {
        guard let byzantine else {
            throw .unsuitableSetting(
                key: "robust.byzantine",
                problem: "is missing, and `rule: \(rule)` counts on it",
                remedy: "Write how many clients of a round may send anything, for example `byzantine: 1`."
            )
        }
        // 4f + 3 has to stay a number of clients.
        guard 0...100_000 ~= byzantine else {
            throw .unsuitableSetting(
                key: "robust.byzantine",
                problem: "is \(byzantine), which is out of range",
                remedy: "Write a whole number from 0 to 100000."
            )
        }
        return byzantine
    }

    fileprivate func share() throws(AggregationError) -> Double {
        let share = trim ?? 0.1
        guard share >= 0, share < 0.5 else {
            throw .unsuitableSetting(
                key: "robust.trim",
                problem: "is \(share), and that share is left out on either side",
                remedy: "Write a number from 0 to below 0.5."
            )
        }
        return share
    }

    fileprivate func bound() throws(AggregationError) -> NormBounding.Bound {
        guard let norm else { return .median }
        guard norm > 0, norm.isFinite else {
            throw .unsuitableSetting(
                key: "robust.norm",
                problem: "is \(norm), which bounds nothing",
                remedy: "Write a number above 0, or leave it out for the median of a round's norms."
            )
        }
        return .fixed(norm)
    }

    fileprivate func iterationCount() throws(AggregationError) -> Int {
        let iterations = iterations ?? GeometricMedian.standardIterations
        guard 1...1000 ~= iterations else {
            throw .unsuitableSetting(
                key: "robust.iterations",
                problem: "is \(iterations), which is out of range",
                remedy: "Write a whole number from 1 to 1000."
            )
        }
        return iterations
    }
}
