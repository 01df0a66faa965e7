/// Limits what a minority of wrong or malicious clients can do to a round.
///
/// `CohortAggregation` asks a rule once a round, before the strategy: first for what it measures, then for a verdict.
/// A rule sees how the clients' changes lie to each other and never the changes, so one rule serves every strategy:
/// which clients count how much, or by how much each change shrinks. Rules that work coordinate by coordinate take the
/// place of the strategy's mean of factors instead.
///
/// Every update has been found finite before a rule sees it. Only clients of positive weight take part: n is their number.
package protocol RobustRule: Sendable {
    /// The name that job files use.
    var name: String { get }

    /// What the rule needs to be told about the changes.
    var measure: ChangeMeasure { get }

    /// Whether its verdicts are ``RobustVerdict/coordinates(_:members:)``.
    var combinesCoordinates: Bool { get }

    /// Whether its verdicts are weights of which few are 0, so that they mean nothing to a strategy with its own.
    var weighsClients: Bool { get }

    /// The least n for which the rule keeps its promise.
    var minimumUpdates: Int { get }

    /// Returns what is to be done about a cohort of at least ``minimumUpdates``.
    ///
    /// - Parameters:
    ///   - weights: The clients' weights, in the order of their names; all positive, with a sum of 1.
    ///   - changes: What ``measure`` asks for; `nil` where that is nothing. Of ``ChangeMeasure/norms`` only the diagonal.
    /// - Returns: The verdict, with one value a client where it has values.
    func verdict(weights: [Double], changes: InnerProducts?) -> RobustVerdict
}

extension RobustRule {
    package var combinesCoordinates: Bool { false }

    package var weighsClients: Bool { false }
}

/// What a robust rule needs to be told about the changes of a cohort.
package enum ChangeMeasure: Sendable, Hashable {
    /// Nothing: the rule reads the values themselves.
    case nothing
    /// How long each change is.
    case norms
    /// How long they are and how far they lie apart.
    case innerProducts
}

/// What a robust rule does about a cohort.
package enum RobustVerdict: Sendable, Equatable {
    /// The clients count this much: at least 0, with a sum of 1.
    case weights([Double])
    /// The clients' changes are multiplied by this, 0...1; their weights stay.
    case scales([Double])
    /// Every coordinate of the factors is combined by itself, from the values of these clients, each counting once.
    case coordinates(CoordinateRule, members: [Int])
}
