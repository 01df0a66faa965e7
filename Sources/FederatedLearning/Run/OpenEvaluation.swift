import Aggregation

/// An evaluation that is going on: its order, its rules, and what its clients had to fetch.
struct OpenEvaluation {
    let order: WorkOrder
    let deadline: Duration
    var machine: EvaluationStateMachine
    var downloads: [ClientID: Int] = [:]
    /// Whether its figures are stored, or nobody wants them any more.
    var isOver = false

    init(order: WorkOrder, minimum: Int, limit: Int?, deadline: Duration, absence: Duration) {
        self.order = order
        self.deadline = deadline
        self.machine = EvaluationStateMachine(
            id: order.id,
            minimum: minimum,
            limit: limit,
            deadline: deadline,
            absence: absence
        )
    }
}
