import Adapters
import Aggregation
import ClientDaemon
import Coordinator
import FederatedLearning
import Transport
import WireProtocol

/// The shipped store of a run, with every step noted; and, where a bug is planted at this seam, not every step taken.
struct ObservedRunStore: RunStore {
    let base: SQLiteRunStore
    let payloads: AdapterPayloads
    let process: SimulatedProcess
    let federation: SimulatedFederation

    private var bug: PlantedBug? { federation.bug }

    func state(of job: JobID) async throws -> RunState {
        var state = try await base.state(of: job)
        if bug == .forgetsAtRestart { state.forgetOneUpdate() }
        if bug == .keepsOldState, let former = federation.formerStates[job] { state = former }
        return state
    }

    func apply(_ change: RunChange, to job: JobID) async throws {
        guard process.isAlive else { return try await base.apply(change, to: job) }
        federation.checks.willApply(change, to: job)
        if try await isHandledWrongly(change, of: job) { return }
        if case .committed = change, bug == .keepsOldState {
            federation.formerStates[job] = try await base.state(of: job)
        }
        try await base.apply(change, to: job)
        guard process.isAlive else { return }
        federation.checks.didApply(change, to: job)
        federation.log.note(change.kind, process, change.round ?? 0)
    }

    func adapter(_ reference: AdapterReference) async throws -> LoRAAdapter { try await base.adapter(reference) }

    func update(_ reference: AdapterReference, scope: UpdateScope, handed: LoRAAdapter) async throws -> StoredAdapter {
        var reference = reference
        if bug == .mixesPayloads, federation.isEvery(9), let other = federation.firstUpdate { reference = other }
        federation.firstUpdate = federation.firstUpdate ?? reference
        if bug == .skipsIntake, try await !isFit(reference, scope: scope, handed: handed) {
            return try await base.update(try await base.keep(handed), scope: scope, handed: handed)
        }
        return try await base.update(reference, scope: scope, handed: handed)
    }

    /// Whether an update has the shapes and the finite numbers that the intake asks for.
    private func isFit(_ reference: AdapterReference, scope: UpdateScope, handed: LoRAAdapter) async throws -> Bool {
        let needed = AdapterRequirements(likeness: handed, rank: reference.rank, scaling: reference.scaling)
        do {
            let adapter = try await base.update(reference, scope: scope, handed: handed).resident()
            try needed.check(adapter, source: "an update")
            return true
        } catch is AdapterError {
            return false
        }
    }

    func keep(_ adapter: LoRAAdapter) async throws -> AdapterReference {
        let reference = try await base.keep(adapter)
        if bug == .forgetsPayload, federation.isEvery(4) {
            try payloads.store.remove(PayloadDigest(reference.digest))
        }
        return reference
    }

    /// Makes the planted mistake; `true` when the step is done with.
    private func isHandledWrongly(_ change: RunChange, of job: JobID) async throws -> Bool {
        switch (bug, change) {
        case (.recordsLate, .accepted), (.chargesLate, .charged):
            _ = Task.detached {
                try await Task.sleep(for: .milliseconds(400))
                try await base.apply(change, to: job)
            }
            return true
        case (.recordsMostly, .accepted):
            return federation.isEvery(7)
        case (.chargesNever, .charged):
            return true
        case (.recordsForNeighbour, .accepted(let offer)) where federation.isEvery(5):
            try await base.apply(.accepted(offer.of(federation.neighbour(of: offer.client))), to: job)
            return true
        case (.losesPayload, .accepted(let offer)) where federation.isEvery(11):
            try await base.apply(change, to: job)
            try payloads.store.remove(PayloadDigest(offer.adapter.digest))
            return true
        case (.dropsRound, .committed(let round, _, let moments, let norm)) where federation.isEvery(3):
            guard let former = try await base.state(of: job).global else { return false }
            try await base.apply(
                .committed(round: round, global: former, moments: moments, clippingNorm: norm),
                to: job
            )
            return true
        default:
            return false
        }
    }
}

extension UpdateOffer {
    /// The same update in the name of another client.
    func of(_ client: ClientID, round: Int? = nil) -> UpdateOffer {
        UpdateOffer(
            client: client,
            order: .init(job: order.job, round: round ?? order.round, kind: order.kind),
            adapter: adapter,
            exampleCount: exampleCount,
            metrics: metrics
        )
    }
}

extension RunState {
    fileprivate mutating func forgetOneUpdate() {
        guard let first = openRound?.accepted.keys.min() else { return }
        openRound?.accepted[first] = nil
    }
}

extension RunChange {
    /// What it is, for the event log.
    var kind: StaticString {
        switch self {
        case .began: "began"
        case .opened: "opened"
        case .joined: "joined"
        case .assigned: "assigned"
        case .accepted: "accepted"
        case .charged: "charged"
        case .committed: "committed"
        case .abandoned: "abandoned"
        case .measured: "measured"
        case .evaluated: "evaluated"
        case .finished: "finished"
        case .exhausted: "exhausted"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }

    /// Which round it concerns.
    var round: Int? {
        switch self {
        case .opened(let round, _), .committed(let round, _, _, _), .abandoned(let round, _), .evaluated(let round):
            round
        case .accepted(let offer): offer.order.round
        case .charged(let charge): charge.round
        default: nil
        }
    }
}
