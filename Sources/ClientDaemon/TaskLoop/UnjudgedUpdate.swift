package import FederatedLearning

/// An update that this silo has trained and has not yet been relieved of.
///
/// It names the whole order that it answers, so that an order which comes again is recognised even when the daemon was
/// restarted in between, and an order that only carries the same number is not.
package struct UnjudgedUpdate: Hashable, Sendable, Codable {
    package let order: WorkOrder
    /// The trained adapter.
    package let adapter: AdapterReference
    /// n: how many training examples stand behind it.
    package let exampleCount: Int
    package let metrics: [String: Double]

    /// Whether the silo's notes of the round hold only as long as the update counts: its control variate and the server's
    /// advance together or not at all.
    var movesControls: Bool { order.assignment.rules.usesControlVariates }

    package init(order: WorkOrder, adapter: AdapterReference, exampleCount: Int, metrics: [String: Double]) {
        self.order = order
        self.adapter = adapter
        self.exampleCount = exampleCount
        self.metrics = metrics
    }
}
