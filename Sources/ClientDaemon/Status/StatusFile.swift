private import FederatedLearning
package import Foundation
private import Synchronization

/// Keeps `status.json` as events come.
///
/// The file only informs: it is replaced atomically and not forced to disk, and a failure to write it hinders nothing.
package final class StatusFile: Sendable {
    private let file: URL
    private let status: Mutex<ClientStatus>

    package init(directory: ClientDirectory, server: ServerAddress, now: Date = .now) {
        self.file = directory.statusFile
        self.status = Mutex(
            ClientStatus(processIdentifier: ProcessInfo.processInfo.processIdentifier, server: "\(server)", now: now)
        )
    }

    /// Changes the status by what happened at `now`, and writes it.
    package func record(_ event: ClientEvent, now: Date = .now) {
        status.withLock { status in
            status.apply(event, at: now)
            try? status.encoded().write(to: file, options: .atomic)
        }
    }
}

extension ClientStatus {
    /// Changes the status by what happened at `now`.
    package mutating func apply(_ event: ClientEvent, at now: Date) {
        updatedAt = now
        switch event {
        case .connecting:
            connection = .connecting
        case .welcomed(let name):
            connection = .connected
            self.name = name
            problem = nil
        case .disconnected(_, let problem, _):
            connection = .waiting
            self.problem = problem
        case .started(let order):
            currentOrder = Work(
                job: order.id.job.rawValue,
                jobName: order.assignment.jobName,
                round: order.id.round,
                kind: order.id.kind.rawValue
            )
        case .progressed(_, let progress):
            currentOrder?.step = progress.step
            currentOrder?.stepCount = progress.stepCount
            currentOrder?.loss = progress.loss.isFinite ? progress.loss : nil
        case .finished:
            currentOrder = nil
            unjudgedUpdates += 1
        case .evaluated:
            currentOrder = nil
        case .failed(_, let problem):
            currentOrder = nil
            self.problem = problem
        case .halted:
            currentOrder = nil
        case .judged(let id, let verdict):
            unjudgedUpdates = max(0, unjudgedUpdates - 1)
            var reason: String?
            switch verdict {
            case .accepted:
                acceptedUpdates += 1
            case .rejected(let text):
                rejectedUpdates += 1
                reason = text
            }
            lastVerdict = Verdict(
                job: id.job.rawValue,
                round: id.round,
                accepted: reason == nil,
                reason: reason,
                time: now
            )
        case .loaded(let updates):
            unjudgedUpdates = updates
        case .hindered(let problem):
            self.problem = problem
        case .stopped:
            connection = .stopped
            currentOrder = nil
        case .received, .refused, .withdrawn, .renewed:
            break
        }
    }
}
