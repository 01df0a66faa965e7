/// What clients train in a round, and what of it they send.
package struct UpdateScope: Sendable, Hashable, Codable {
    /// The factors that change; the others are frozen.
    package var trained: TrainedFactors
    /// The factors that are sent: all that are trained, except those that stay personal.
    package var sent: TrainedFactors
    /// Whether heads and other saved tensors are sent; else they stay personal too.
    package var sendsSavedTensors: Bool
    /// Whether the change of the client's control variate goes with it (SCAFFOLD).
    package var sendsControls: Bool

    package init(
        trained: TrainedFactors = .both,
        sent: TrainedFactors? = nil,
        sendsSavedTensors: Bool = true,
        sendsControls: Bool = false
    ) {
        self.trained = trained
        self.sent = sent ?? trained
        self.sendsSavedTensors = sendsSavedTensors
        self.sendsControls = sendsControls
    }

    /// Everything is trained and sent, as in plain LoRA.
    package static let everything = UpdateScope()

    /// Whether a part of what is trained stays on the client.
    package var isPersonal: Bool { sent != trained || !sendsSavedTensors }
}
