private import FederatedLearning
private import Foundation
package import Logging
private import Synchronization

/// Turns events into log lines that a data steward can read, and into the status file.
package final class Journal: Sendable {
    private struct State: Sendable {
        /// Whether the present trouble with the connection was already told at full length.
        var problem: String?
        var began: [WorkOrder.ID: ContinuousClock.Instant] = [:]
    }

    private let status: StatusFile?
    private let server: ServerAddress
    private let logger: Logger
    private let state = Mutex(State())

    package init(status: StatusFile?, server: ServerAddress, logger: Logger) {
        self.status = status
        self.server = server
        self.logger = logger
    }

    /// Writes down what happened at `now`.
    package func record(_ event: ClientEvent, at now: ContinuousClock.Instant = .now) {
        status?.record(event)
        switch event {
        case .welcomed(let name):
            state.withLock { $0.problem = nil }
            logger.info("Connected", metadata: ["server": "\(server)", "name": "\(name)"])
        case .disconnected(let kind, let problem, let retry):
            disconnected(kind, problem, retry)
        case .loaded(let updates) where updates > 0:
            logger.info("Updates of an earlier run wait for their verdict", metadata: ["updates": "\(updates)"])
        case .received(let order):
            logger.info("Order received", metadata: metadata(order.id, order.assignment))
        case .refused(let id, let reason):
            logger.warning("Order refused", metadata: metadata(id) + ["reason": "\(reason)"])
        case .started(let order):
            state.withLock { $0.began[order.id] = now }
            let message: Logger.Message = order.id.kind == .train ? "Training began" : "Evaluation began"
            logger.info(message, metadata: metadata(order.id) + ["rank": "\(order.adapter.rank)"])
        case .finished(let update):
            let took = self.took(update.order.id, until: now)
            logger.info(
                "Training done",
                metadata: figures(of: update.order.id, update.metrics, examples: update.exampleCount, took)
            )
        case .evaluated(let order, let report):
            let took = self.took(order.id, until: now)
            logger.info(
                "Evaluation done",
                metadata: figures(of: order.id, report.metrics, examples: report.exampleCount, took)
            )
        case .failed(let order, let problem):
            _ = took(order.id, until: now)
            logger.error("Work failed", metadata: metadata(order.id) + ["problem": "\(problem)"])
        case .halted(let id):
            _ = took(id, until: now)
            logger.info("Work stopped", metadata: metadata(id))
        case .withdrawn(let id, let reason):
            logger.info("Order withdrawn", metadata: metadata(id) + ["reason": "\(reason)"])
        case .judged(let id, .accepted):
            logger.info("Update accepted", metadata: metadata(id))
        case .judged(let id, .rejected(let reason)):
            logger.warning("Update rejected", metadata: metadata(id) + ["reason": "\(reason)"])
        case .renewed(let end):
            logger.info("Certificate renewed", metadata: ["until": "\(end.formatted(.iso8601))"])
        case .hindered(let problem):
            logger.warning("Something went wrong", metadata: ["problem": "\(problem)"])
        case .stopped:
            logger.info("Stopped")
        case .connecting, .progressed, .loaded:
            break
        }
    }

    /// The first time a trouble is told with everything that helps; as long as it stays the same, repeats are quiet.
    private func disconnected(_ kind: String, _ problem: String, _ retry: Duration) {
        let isNew = state.withLock { state in
            defer { state.problem = problem }
            return state.problem != problem
        }
        logger.log(
            level: isNew ? .warning : .debug,
            "Not connected",
            metadata: [
                "server": "\(server)", "class": "\(kind)", "problem": "\(problem)",
                "retry": "\(retry.secondsText)",
            ]
        )
    }

    /// How long the work on an order took that is over; `nil` when its beginning was not seen.
    private func took(_ id: WorkOrder.ID, until now: ContinuousClock.Instant) -> Duration? {
        state.withLock { $0.began.removeValue(forKey: id) }?.duration(to: now)
    }

    private func metadata(_ id: WorkOrder.ID, _ assignment: Assignment? = nil) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["job.id": "\(id.job)", "round": "\(id.round)", "kind": "\(id.kind)"]
        if let assignment { metadata["job"] = "\(assignment.jobName)" }
        return metadata
    }

    private func figures(
        of id: WorkOrder.ID,
        _ metrics: [String: Double],
        examples: Int,
        _ took: Duration?
    ) -> Logger.Metadata {
        let measured: Logger.Metadata = metrics.mapValues { "\(String(format: "%.4g", $0))" }
        let own: Logger.Metadata = ["examples": "\(examples)", "took": "\(took?.secondsText ?? "?")"]
        return metadata(id) + measured + own
    }
}

extension Duration {
    /// Such as "12.5 s".
    fileprivate var secondsText: String { String(format: "%.1f s", self / .seconds(1)) }
}

private func + (left: Logger.Metadata, right: Logger.Metadata) -> Logger.Metadata {
    left.merging(right) { $1 }
}
