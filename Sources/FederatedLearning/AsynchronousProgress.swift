package import Aggregation

/// Where asynchronous rounds stand: a part of ``RunState``.
package struct AsynchronousProgress: Hashable, Sendable, Codable {
    /// The latest update that was accepted from a client.
    package struct Delivery: Hashable, Sendable, Codable {
        /// The number of the task.
        package let number: Int
        package let digest: ContentDigest

        package init(number: Int, digest: ContentDigest) {
            self.number = number
            self.digest = digest
        }
    }

    /// The latest task of each client, delivered or not.
    package private(set) var tasks: [ClientID: AsynchronousTask]
    /// The number of the latest task, 0 before the first.
    package private(set) var latestNumber: Int
    /// The latest delivery of each client, so that one whose acknowledgement was lost hears `accepted` again.
    package private(set) var deliveries: [ClientID: Delivery]
    /// The accepted updates that are not combined yet, in the order of arrival.
    package var buffer: [BufferedUpdate]

    package init(
        tasks: [ClientID: AsynchronousTask] = [:],
        deliveries: [ClientID: Delivery] = [:],
        buffer: [BufferedUpdate] = []
    ) {
        self.tasks = tasks
        self.latestNumber = tasks.values.map(\.number).max() ?? 0
        self.deliveries = deliveries
        self.buffer = buffer
    }

    /// Whether no work was ever handed out.
    package var isEmpty: Bool { tasks.isEmpty }

    /// The task that `client` has not delivered, if there is one.
    package func openTask(of client: ClientID) -> AsynchronousTask? {
        tasks[client].flatMap { $0.number == deliveries[client]?.number ? nil : $0 }
    }

    /// Takes note of a task; one that is not the next changes nothing.
    mutating func assign(_ task: AsynchronousTask, to client: ClientID) {
        guard task.number == latestNumber + 1 else { return }
        tasks[client] = task
        latestNumber = task.number
    }

    /// Takes an update into the buffer; one that does not answer an open task changes nothing.
    ///
    /// - Returns: Whether it was taken.
    mutating func accept(_ offer: UpdateOffer) -> Bool {
        guard offer.order.kind == .train, let task = openTask(of: offer.client), task.number == offer.order.round
        else { return false }
        deliveries[offer.client] = Delivery(number: task.number, digest: offer.adapter.digest)
        buffer.append(BufferedUpdate(offer: offer, task: task))
        return true
    }

    /// The answer to an update that is not, or no longer, waited for.
    func verdict(onSettled offer: UpdateOffer) -> UpdateVerdict {
        let delivery = Delivery(number: offer.order.round, digest: offer.adapter.digest)
        guard offer.order.kind == .train, deliveries[offer.client] == delivery else {
            return .rejected(reason: UpdateRejection.taskOver(number: offer.order.round).description)
        }
        return .accepted
    }
}
