/// What a job says about the server's optimizer, as in its `server_optimizer`.
package struct ServerOptimizerSettings: Sendable, Hashable, Codable {
    /// `server_optimizer.name`.
    package var name: String
    /// `server_optimizer.learning_rate`: η.
    package var learningRate: Double?
    /// `server_optimizer.momentum`: β of FedAvgM.
    package var momentum: Double?
    /// `server_optimizer.beta1`.
    package var beta1: Double?
    /// `server_optimizer.beta2`.
    package var beta2: Double?
    /// `server_optimizer.tau`: what keeps a step from growing where nothing changed yet.
    package var tau: Double?

    /// Creates settings; `none` is no optimizer.
    package init(
        name: String = "none",
        learningRate: Double? = nil,
        momentum: Double? = nil,
        beta1: Double? = nil,
        beta2: Double? = nil,
        tau: Double? = nil
    ) {
        self.name = name
        self.learningRate = learningRate
        self.momentum = momentum
        self.beta1 = beta1
        self.beta2 = beta2
        self.tau = tau
    }
}
