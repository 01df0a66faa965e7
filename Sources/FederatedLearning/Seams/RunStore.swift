package import Adapters
package import Aggregation

/// The durable state of jobs: where each run stands, its adapters, and everything that was measured.
///
/// The server half of a round calls ``apply(_:to:)`` at each step and continues only when it has returned, so that a
/// crash at any instant finds either the step before or the step after.
package protocol RunStore: Sendable {
    /// Where a run stands: ``RunState/apply(_:)`` over every step so far.
    func state(of job: JobID) async throws -> RunState

    /// Makes one step of a run durable. Applying the same step twice changes nothing.
    func apply(_ change: RunChange, to job: JobID) async throws

    /// Reads the adapter that `reference` names.
    ///
    /// - Throws: ``StoredAdapterError`` when the payload is missing, its digest differs, or it is not an adapter of that
    ///   rank; other errors when the storage itself fails.
    func adapter(_ reference: AdapterReference) async throws -> LoRAAdapter

    /// Opens what a client sent: the factors that it trained, and the saved tensors.
    ///
    /// - Parameters:
    ///   - reference: What the client sent.
    ///   - scope: What has to be there, and nothing else.
    ///   - handed: What the client started from, at the rank that it sent; what was not sent is taken from it.
    /// - Returns: The whole adapter; its elements are read where they lie.
    /// - Throws: ``StoredAdapterError`` as above; other errors when the storage itself fails.
    func update(
        _ reference: AdapterReference,
        scope: UpdateScope,
        handed: LoRAAdapter
    ) async throws -> StoredAdapter

    /// Keeps an adapter and returns the reference that names it; durable when it returns.
    func keep(_ adapter: LoRAAdapter) async throws -> AdapterReference
}

/// One step in the life of a run.
///
/// A run's state is the fold of its steps (``RunState/apply(_:)``).
package enum RunChange: Hashable, Sendable, Codable {
    /// The initial adapter exists.
    case began(initial: AdapterReference)
    case opened(round: Int, cohort: [CohortMember])
    /// A client takes part in the open round in place of one that failed or vanished, which stays part of it.
    case joined(round: Int, member: CohortMember)
    /// A client has work of its own in asynchronous rounds, in place of what it had before.
    case assigned(AsynchronousTask, to: ClientID)
    /// An update is part of the round, exactly once per client; in asynchronous rounds, of the buffer, once per task.
    case accepted(UpdateOffer)
    /// What the open round's result costs, once a round, before anything of it leaves the server; with a key for noise, the
    /// round accepts nothing more.
    case charged(PrivacyCharge)
    /// The round's result is the new global adapter; with it go the moments of the server's optimizer, and the clipping norm
    /// of the next round where it follows the updates.
    ///
    /// In asynchronous rounds it is the result of the whole buffer, which is empty then.
    case committed(
        round: Int,
        global: AdapterReference,
        moments: MomentReferences? = nil,
        clippingNorm: Double? = nil
    )
    /// The round ended without a result and will be opened again; in asynchronous rounds, the buffer is thrown away.
    case abandoned(round: Int, reason: String)
    /// Figures to keep; a figure with the same round, client, phase and name is replaced.
    case measured([Measurement])
    /// The evaluation of the adapter that `round` left is over, with or without every client's figures.
    case evaluated(round: Int)
    case finished
    /// The privacy budget does not cover the next round.
    case exhausted(reason: String)
    case failed(reason: String)
    case cancelled
}

/// A client chosen for a round, and what it starts from.
package struct CohortMember: Hashable, Sendable, Codable {
    package let client: ClientID
    package let adapter: AdapterReference

    package init(client: ClientID, adapter: AdapterReference) {
        self.client = client
        self.adapter = adapter
    }
}

/// One named figure of one client in one round.
package struct Measurement: Hashable, Sendable, Codable {
    package let round: Int
    /// `nil` when the figure is of the whole cohort.
    package let client: ClientID?
    /// `train`, `evaluate` or `round`.
    package let phase: String
    package let name: String
    package let value: Double

    package init(round: Int, client: ClientID?, phase: String, name: String, value: Double) {
        self.round = round
        self.client = client
        self.phase = phase
        self.name = name
        self.value = value
    }
}
