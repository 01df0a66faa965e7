import Metrics

/// What the coordinator counts, made once.
///
/// Labels are bounded: outcomes and directions, never names of clients or jobs.
package struct CoordinatorMetrics: Sendable {
    let roundsCommitted = Counter(label: "tributary_rounds", dimensions: [("outcome", "committed")])
    let roundsAbandoned = Counter(label: "tributary_rounds", dimensions: [("outcome", "abandoned")])
    let updatesAccepted = Counter(label: "tributary_updates", dimensions: [("outcome", "accepted")])
    let updatesRejected = Counter(label: "tributary_updates", dimensions: [("outcome", "rejected")])
    let evaluations = Counter(label: "tributary_evaluations")
    let payloadBytesUp = Counter(label: "tributary_payload_bytes", dimensions: [("direction", "up")])
    let payloadBytesDown = Counter(label: "tributary_payload_bytes", dimensions: [("direction", "down")])
    let connectedClients = Gauge(label: "tributary_connected_clients")
    let refusedConnections = Counter(label: "tributary_refused_connections")
    let enrolments = Counter(label: "tributary_enrolments", dimensions: [("outcome", "issued")])
    let renewals = Counter(label: "tributary_enrolments", dimensions: [("outcome", "renewed")])
    let refusedEnrolments = Counter(label: "tributary_enrolments", dimensions: [("outcome", "refused")])

    package init() {}
}
