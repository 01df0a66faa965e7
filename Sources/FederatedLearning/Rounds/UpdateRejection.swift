package import Aggregation

/// Why an offered update is not used; each case becomes the sentence that its client reads.
package enum UpdateRejection: Error, Hashable {
    /// No round of this job is open.
    case noRoundOpen
    /// The update is for another order than that of the open round.
    case otherOrder(offered: WorkOrder.ID, open: WorkOrder.ID)
    case roundOver(round: Int)
    /// In asynchronous rounds: the client has other work by now, or none of that number.
    case taskOver(number: Int)
    /// In asynchronous rounds: what the client started from is too many versions old.
    case tooStale(staleness: Int, limit: Int)
    case notInCohort(ClientID, round: Int)
    /// Another update of the same client is already part of the round.
    case differsFromAccepted(ContentDigest)
    /// Another update of the same client is being checked.
    case beingChecked(ContentDigest)
    /// An update of the same client was rejected in this round.
    case rejectedBefore(reason: String)
    case rank(expected: Int, found: Int)
    case alpha(expected: Double, found: Double)
    case scaling(expectedRankStabilized: Bool)
    case tooLarge(bytes: Int, limit: Int)
    case exampleCount(Int, limit: Int)
    /// The payload cannot be read as an adapter.
    case payload(StoredAdapterError)
    /// The tensors are not those of the adapter that the client was handed.
    case tensors(reason: String)
}

extension UpdateRejection: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noRoundOpen:
            "No round of this job is open. Drop the update and wait for the next order."
        case .otherOrder(let offered, let open):
            """
            The update is for round \(offered.round) of job \(offered.job), but round \(open.round) of job \(open.job) is \
            open. Drop the update and wait for the next order.
            """
        case .roundOver(let round):
            "Round \(round) is over. Drop the update and wait for the next order."
        case .taskOver(let number):
            "Order \(number) is not, or no longer, waited for. Drop the update and wait for the next order."
        case .tooStale(let staleness, let limit):
            """
            The update was trained from an adapter that is \(staleness) versions old, and at most \(limit) are taken. Drop it \
            and wait for the next order.
            """
        case .notInCohort(let client, let round):
            "'\(client)' is not in the cohort of round \(round). Drop the update and wait for the next order."
        case .differsFromAccepted(let digest):
            "Another update of this client, \(digest), is already part of the round. Send one update a round."
        case .beingChecked(let digest):
            "Another update of this client, \(digest), is being checked. Send one update a round."
        case .rejectedBefore(let reason):
            "An update of this client was already rejected in this round: \(reason) Wait for the next order."
        case .rank(let expected, let found):
            "The update has rank \(found), but rank \(expected) was handed out. Train the adapter of the order as it is."
        case .alpha(let expected, let found):
            "The update states alpha \(found), but the job's `lora_alpha` is \(expected). Train with the alpha of the order."
        case .scaling(let expectedRankStabilized):
            """
            The update is scaled by \(expectedRankStabilized ? "alpha/r" : "alpha/sqrt(r)"), but the job's `use_rslora` is \
            \(expectedRankStabilized). Train with the scaling of the order.
            """
        case .tooLarge(let bytes, let limit):
            "The update has \(bytes) bytes, but at most \(limit) are needed. Send nothing but the adapter's tensors."
        case .exampleCount(let count, let limit):
            "The update claims \(count) training examples. State a number from 1 to \(limit)."
        case .payload(let error):
            error.description
        case .tensors(let reason):
            "The update does not fit the order: \(reason)"
        }
    }
}
