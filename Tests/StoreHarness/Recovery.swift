import Aggregation
import FederatedLearning
import Foundation
import TestSupport
import Transport
import WireProtocol

@testable import Coordinator

/// Recovers from crashes and checks what has become of the store.
struct Recovery: Sendable {
    /// Everything that was acknowledged in the recorded run.
    let acknowledgements: [Acknowledgement]
    /// What the undisturbed job left.
    let expected: AdapterReference

    /// Recovers as a server that is started again does, goes on to the end of the job, and checks.
    ///
    /// - Parameters:
    ///   - state: What the crash left.
    ///   - folder: An empty folder.
    /// - Returns: What is wrong; nothing, if all is well.
    func problems(after state: CrashState, in folder: URL) async -> [String] {
        do {
            try state.image.write(to: folder)
            let open = try Scenario.open(folder)
            let problems = try await check(open.store, against: acknowledgements.prefix(state.acknowledged))
            try open.database.close()
            return problems
        } catch {
            return ["it is not recovered: \(error)"]
        }
    }

    private func check(
        _ store: CoordinatorStore,
        against acknowledged: ArraySlice<Acknowledgement>
    ) async throws -> [String] {
        // What `CoordinatorServer` does before it serves, and then some.
        try store.renewLog()
        try await store.verifyRecords()
        try store.payloads.store.removeLeftovers()
        try await store.removeUnusedPayloads()
        try await store.verify()
        _ = try await store.audit.verify()
        var problems: [String] = []
        for acknowledgement in acknowledged where try await !isKept(acknowledgement, in: store) {
            problems.append("lost: \(acknowledgement)")
        }
        // Who has not heard that the job was submitted submits it again.
        try await Scenario.submit(to: store)
        let (state, complaints) = try await Scenario.run(
            on: store,
            log: AcknowledgementLog(),
            acknowledged: Array(acknowledged)
        )
        problems += complaints
        if state.phase != .finished { problems.append("the job ends as \(state.phase)") }
        if state.global?.digest != expected.digest { problems.append("the job leaves another adapter") }
        let takers = try await store.jobs.report(of: .sample).rounds.filter { $0.number > 0 }.map(\.clients)
        if takers != Array(repeating: Scenario.silos, count: 3) { problems.append("the rounds count \(takers)") }
        return problems
    }

    private func isKept(_ acknowledgement: Acknowledgement, in store: CoordinatorStore) async throws -> Bool {
        switch acknowledgement {
        case .enrolled(let name, let fingerprint):
            // It may be revoked already.
            try await store.clients.admission(of: name, fingerprint: fingerprint) != .unknown
        case .revoked(let name, let fingerprint):
            try await store.clients.admission(of: name, fingerprint: fingerprint) == .revoked
        case .submitted: try await store.jobs.summaries().map(\.id) == [.sample]
        case .accepted(let offer): try await store.runs.standing(of: offer) == .accepted
        case .committed(let round, let global):
            try await store.runs.state(of: .sample).committedRounds >= round
                && store.payloads.store.contains(.init(global.digest))
        case .confirmed(let client, let round):
            try await store.jobs.measurements(of: .sample).contains {
                $0.client == client && $0.round == round && $0.phase == "evaluate"
            }
        }
    }
}
