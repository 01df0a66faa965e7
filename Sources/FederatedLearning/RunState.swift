package import Aggregation

/// Where a run stands: the fold of every ``RunChange`` so far.
package struct RunState: Hashable, Sendable, Codable {
    package enum Phase: Hashable, Sendable, Codable {
        case pending
        case running
        case finished
        case failed(reason: String)
        case cancelled
    }

    /// A round whose updates are being collected.
    package struct OpenRound: Hashable, Sendable, Codable {
        package let number: Int
        package let cohort: [CohortMember]
        /// The accepted updates, by client.
        package var accepted: [ClientID: UpdateOffer]

        package init(number: Int, cohort: [CohortMember], accepted: [ClientID: UpdateOffer] = [:]) {
            self.number = number
            self.cohort = cohort
            self.accepted = accepted
        }
    }

    package var phase: Phase
    /// The global adapter that the latest committed round left.
    package var global: AdapterReference?
    /// How many rounds are committed.
    package var committedRounds: Int
    package var openRound: OpenRound?

    package init(
        phase: Phase = .pending,
        global: AdapterReference? = nil,
        committedRounds: Int = 0,
        openRound: OpenRound? = nil
    ) {
        self.phase = phase
        self.global = global
        self.committedRounds = committedRounds
        self.openRound = openRound
    }
}
