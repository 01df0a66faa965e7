package import FederatedLearning
package import Foundation

/// What a data steward consents to: the content of `policy.yaml`.
///
/// The silo has the last word: what breaks a rule is not done, whatever the server orders. A rule that is absent allows
/// everything; a list that is empty allows nothing.
package struct SiloPolicy: Hashable, Sendable {
    /// How much a job does so that single records or silos cannot be read out of what it learns, weakest first.
    package enum Privacy: String, Sendable, CaseIterable, Comparable {
        case none
        /// The server adds noise to the sum.
        case central
        /// The silo adds noise to its update.
        case local
        /// The silo adds noise to every step of its training.
        case exampleLevel = "example-level"

        /// How much a job's mechanism does.
        init(_ settings: PrivacySettings?) {
            switch settings?.mechanism {
            case nil: self = .none
            case .central, .tree: self = .central
            case .local: self = .local
            case .exampleLevel: self = .exampleLevel
            }
        }

        package static func < (left: Privacy, right: Privacy) -> Bool {
            (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
        }
    }

    /// Names of jobs; `*` stands for any characters.
    package var jobs: [String]?
    package var strategies: [String]?
    /// SHA-256 digests of base models.
    package var models: [ContentDigest]?
    package var minimumPrivacy: Privacy
    /// Data files that may be trained on.
    package var data: [URL]?
    /// How often a round may go over the data.
    package var maximumEpochs: Int?
    /// Whether held-out figures may be measured and reported.
    package var allowsEvaluation: Bool
    /// Whether the server may read this client's log while it is written.
    ///
    /// It may name files and hold what a trainer prints, so that it takes a word of the steward's.
    package var lendsLog: Bool

    package init(
        jobs: [String]? = nil,
        strategies: [String]? = nil,
        models: [ContentDigest]? = nil,
        minimumPrivacy: Privacy = .none,
        data: [URL]? = nil,
        maximumEpochs: Int? = nil,
        allowsEvaluation: Bool = true,
        lendsLog: Bool = false
    ) {
        self.lendsLog = lendsLog
        self.jobs = jobs
        self.strategies = strategies
        self.models = models
        self.minimumPrivacy = minimumPrivacy
        self.data = data
        self.maximumEpochs = maximumEpochs
        self.allowsEvaluation = allowsEvaluation
    }

    /// Consents to every order.
    package static let open = SiloPolicy()

    /// Returns which rule an order breaks, as a sentence that may leave the silo; `nil` when it breaks none.
    package func objection(to order: WorkOrder) -> String? {
        let assignment = order.assignment
        if let jobs, !jobs.contains(where: { Self.matches(assignment.jobName, pattern: $0) }) {
            return "This silo does not take part in jobs of this name."
        }
        if let strategies, !strategies.contains(assignment.strategy) {
            return "This silo does not take part in jobs of this strategy."
        }
        if let models, !models.contains(assignment.modelDigest) {
            return "This silo does not train this base model."
        }
        guard Privacy(assignment.privacy) >= minimumPrivacy else {
            return "This silo takes part only where privacy.mechanism is at least \(minimumPrivacy.rawValue)."
        }
        if order.id.kind == .evaluate, !allowsEvaluation { return "This silo reports no held-out figures." }
        if order.id.kind == .train, let maximumEpochs, assignment.training.epochs > maximumEpochs {
            return "This silo trains at most \(maximumEpochs) epochs a round."
        }
        return nil
    }

    /// Whether a data file may be trained on.
    package func allows(data file: URL) -> Bool {
        guard let data else { return true }
        return data.contains { $0.resolvingSymlinksInPath().path == file.resolvingSymlinksInPath().path }
    }

    /// Compares a name with a pattern in which `*` stands for any characters, or none.
    static func matches(_ name: String, pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard parts.count > 1, let first = parts.first, let last = parts.last else { return name == pattern }
        guard name.count >= first.count + last.count, name.hasPrefix(first), name.hasSuffix(last) else { return false }
        var rest = name.dropFirst(first.count).dropLast(last.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }
}
