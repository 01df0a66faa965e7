package import Metrics

/// What the coordinator counts, made once.
///
/// Labels are bounded: outcomes and directions, never names of clients or jobs.
package struct CoordinatorMetrics: Sendable {
    let roundsCommitted: Counter
    let roundsAbandoned: Counter
    /// From the opening of a round, or its resumption, to its result.
    let roundDuration: Timer
    let updatesAccepted: Counter
    let updatesRejected: Counter
    let evaluations: Counter
    let payloadBytesUp: Counter
    let payloadBytesDown: Counter
    let connectedClients: Gauge
    let refusedConnections: Counter
    let enrolments: Counter
    let renewals: Counter
    let refusedEnrolments: Counter

    // Of the round that was opened last.
    let cohortSize: Gauge

    // Of the evaluation that ended last, over the examples of all silos.
    let heldOutAccuracy: Gauge
    let heldOutLoss: Gauge

    /// Makes every metric; by default of the backend that the program has chosen.
    package init(factory: any MetricsFactory = MetricsSystem.factory) {
        func counter(_ label: String, _ dimensions: [(String, String)] = []) -> Counter {
            Counter(label: label, dimensions: dimensions, factory: factory)
        }
        func gauge(_ label: String) -> Gauge { Gauge(label: label, factory: factory) }
        roundsCommitted = counter("tributary_rounds", [("outcome", "committed")])
        roundsAbandoned = counter("tributary_rounds", [("outcome", "abandoned")])
        roundDuration = Timer(label: "tributary_round_duration", factory: factory)
        updatesAccepted = counter("tributary_updates", [("outcome", "accepted")])
        updatesRejected = counter("tributary_updates", [("outcome", "rejected")])
        evaluations = counter("tributary_evaluations")
        payloadBytesUp = counter("tributary_payload_bytes", [("direction", "up")])
        payloadBytesDown = counter("tributary_payload_bytes", [("direction", "down")])
        connectedClients = gauge("tributary_connected_clients")
        refusedConnections = counter("tributary_refused_connections")
        enrolments = counter("tributary_enrolments", [("outcome", "issued")])
        renewals = counter("tributary_enrolments", [("outcome", "renewed")])
        refusedEnrolments = counter("tributary_enrolments", [("outcome", "refused")])
        cohortSize = gauge("tributary_cohort_clients")
        heldOutAccuracy = gauge("tributary_held_out_accuracy")
        heldOutLoss = gauge("tributary_held_out_loss")
    }
}
