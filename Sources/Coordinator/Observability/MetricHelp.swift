/// What the metrics mean, as `GET /metrics` says it.
enum MetricHelp {
    private static let texts = [
        "tributary_rounds": "Rounds that ended, by outcome.",
        "tributary_round_duration": "From the opening of a round, or its resumption, to its result.",
        "tributary_updates": "Updates of clients that were answered, by outcome.",
        "tributary_evaluations": "Evaluations that clients reported.",
        "tributary_payload_bytes":
            "Payload bytes moved over connections of clients, by direction as the client sees it.",
        "tributary_connected_clients": "Clients that are connected.",
        "tributary_refused_connections": "Connections that were refused.",
        "tributary_enrolments": "Certificates asked for, by outcome.",
        "tributary_cohort_clients": "Clients that were asked in the round that was opened last.",
        "tributary_held_out_accuracy":
            "Accuracy over the held-out examples of all silos, by the evaluation that ended last.",
        "tributary_held_out_loss": "Loss over the held-out examples of all silos, by the evaluation that ended last.",
    ]

    static func text(of label: String) -> String { texts[label] ?? label }
}
