package import FederatedLearning

/// What dashboards ask of jobs again and again, kept as long as it cannot change.
///
/// The points of complete rounds never change, and what a budget covers changes with each charge: adding up ε takes the
/// accountants some of a second, and the clients of two hundred rounds are many rows.
package actor JobFigures {
    private struct Kept {
        /// Of complete rounds, from 0 on without a gap.
        var points: [RoundPoint] = []
        var standing: (basis: PrivacyBasis, standing: PrivacyStanding?)?
    }

    /// How many jobs are kept; the ones asked for least recently are forgotten.
    private static let limit = 8

    private nonisolated let catalogue: JobCatalogue
    private var kept: [(job: JobID, figures: Kept)] = []

    package init(catalogue: JobCatalogue) {
        self.catalogue = catalogue
    }

    /// Returns the curves of a job from a round on.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    package func course(of job: JobID, from first: Int) async throws -> RoundCourse {
        let known = figures(of: job).points
        let new = try await catalogue.points(of: job, from: (known.last?.number ?? -1) + 1)
        let points = known + new
        let complete = Array(points.prefix { $0.isComplete })
        // Somebody else may have learned more meanwhile.
        if complete.count > figures(of: job).points.count {
            update(job) { $0.points = complete }
        }
        return RoundCourse(
            rounds: points.filter { $0.number >= first },
            open: try await catalogue.openRound(of: job)
        )
    }

    /// Returns where a job stands with its privacy budget; `nil` when it adds no noise.
    ///
    /// - Throws: ``CoordinatorError/unknownJob(_:)``.
    package func privacyStanding(of job: JobID) async throws -> PrivacyStanding? {
        let basis = try await catalogue.privacyBasis(of: job)
        if let known = figures(of: job).standing, known.basis == basis { return known.standing }
        let standing = try await catalogue.privacyStanding(of: job)
        update(job) { $0.standing = (basis, standing) }
        return standing
    }

    private func figures(of job: JobID) -> Kept { kept.first { $0.job == job }?.figures ?? Kept() }

    private func update(_ job: JobID, _ change: (inout Kept) -> Void) {
        var figures = figures(of: job)
        change(&figures)
        kept.removeAll { $0.job == job }
        kept.append((job, figures))
        if kept.count > Self.limit { kept.removeFirst() }
    }
}
