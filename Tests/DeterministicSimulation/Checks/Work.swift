import FederatedLearning

/// One client's part in one order.
struct Work: Hashable, Sendable, CustomStringConvertible {
    let client: String
    let order: WorkOrder.ID

    var description: String { "'\(client)', round \(order.round) of \(order.job)" }
}
