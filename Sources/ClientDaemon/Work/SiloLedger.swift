package import DifferentialPrivacy
package import FederatedLearning
import Foundation
private import Transport

/// What has been released of this silo's data with noise, over all jobs, on disk, and the silo's own limit.
///
/// A charge is durable before the update that it is for is: a daemon that is killed in between has charged too much, and
/// never too little. Noise that was added to examples and to whole updates is added up together, which is an upper bound.
package actor SiloLedger: PrivacyBook {
    /// What is in the file.
    private struct Content: Codable {
        /// Everything, in order.
        var ledger = PrivacyLedger()
        /// The same by job.
        var jobs: [String: PrivacyLedger] = [:]
    }

    private nonisolated let file: URL
    private nonisolated let limit: ClientConfiguration.PrivacyLimit?
    private var content: Content?

    /// Opens the ledger of a client; `limit` is what its steward allows, or `nil` to only count.
    package init(directory: ClientDirectory, limit: ClientConfiguration.PrivacyLimit?) {
        self.file = directory.ledgerFile
        self.limit = limit
    }

    package func check(_ order: WorkOrder) throws {
        guard let limit else { return }
        guard let privacy = order.assignment.privacy else {
            throw OrderRefusal.privacy(
                reason: """
                    job '\(order.assignment.jobName)' protects nothing, and `privacy.epsilon_limit` of this client asks for \
                    noise. Use a job with `privacy`, or remove the limit.
                    """
            )
        }
        guard !privacy.isCentral else { return }
        let spent = try epsilon(of: read().ledger, delta: limit.delta)
        guard spent < limit.epsilon else { throw exhausted(spent, limit) }
    }

    package func charge(_ steps: NoisedSteps, for order: WorkOrder) throws -> SiloStanding {
        guard let settings = order.assignment.privacy else {
            throw OrderRefusal.privacy(reason: "its job protects nothing, and nothing can be charged.")
        }
        var content = try read()
        content.ledger.add(steps)
        content.jobs[order.id.job.rawValue, default: PrivacyLedger()].add(steps)
        let standing = try SiloStanding(
            of: content.jobs[order.id.job.rawValue, default: PrivacyLedger()],
            latest: steps,
            settings: settings
        )
        if let budget = settings.epsilonBudget, standing.epsilon > budget {
            throw OrderRefusal.privacy(
                reason: """
                    this round would bring ε of this silo to \(PrivacyFigure.text(standing.epsilon)), above the job's \
                    `privacy.epsilon_budget` of \(PrivacyFigure.text(budget)).
                    """
            )
        }
        if let limit {
            let total = try epsilon(of: content.ledger, delta: limit.delta)
            guard total <= limit.epsilon else { throw exhausted(total, limit) }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try DurableFile.replace(file, with: encoder.encode(content), permissions: 0o600)
        self.content = content
        return standing
    }

    /// What the ledger in `directory` adds up to; `nil` when nothing was charged.
    ///
    /// - Throws: ``ClientError/cannotRead(path:reason:)`` when the ledger is damaged.
    package static func cost(
        in directory: ClientDirectory,
        limit: ClientConfiguration.PrivacyLimit?
    ) throws -> ClientStatus.PrivacyCost? {
        guard let ledger = try read(directory.ledgerFile)?.ledger else { return nil }
        let delta = limit?.delta ?? usualDelta
        return ClientStatus.PrivacyCost(
            epsilon: try ledger.epsilon(by: .lossDistribution, delta: delta),
            delta: delta,
            limit: limit?.epsilon
        )
    }

    /// At which δ costs are shown where the steward has set none.
    private static let usualDelta = 1e-6

    private func read() throws -> Content {
        if let content { return content }
        let found = try Self.read(file) ?? Content()
        content = found
        return found
    }

    /// Reads the file; `nil` when there is none.
    private static func read(_ file: URL) throws -> Content? {
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        do {
            return try JSONDecoder().decode(Content.self, from: Data(contentsOf: file))
        } catch {
            // Taken for empty, it would forget what was spent.
            throw ClientError.cannotRead(path: file.path, reason: "it is not the ledger that this client wrote")
        }
    }

    private func epsilon(of ledger: PrivacyLedger, delta: Double) throws(PrivacyError) -> Double {
        try ledger.epsilon(by: .lossDistribution, delta: delta)
    }

    private func exhausted(_ epsilon: Double, _ limit: ClientConfiguration.PrivacyLimit) -> OrderRefusal {
        .privacy(
            reason: """
                with this order, ε of this silo is \(PrivacyFigure.text(epsilon)) at δ = \(limit.delta), above its \
                `privacy.epsilon_limit` of \(PrivacyFigure.text(limit.epsilon)).
                """
        )
    }
}
