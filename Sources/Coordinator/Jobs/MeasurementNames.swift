import FederatedLearning

/// Foundation has a type of that name, too.
typealias Measurement = FederatedLearning.Measurement

/// The phases and figures that reports are made of, as they stand in the table.
enum MeasurementNames {
    static let train = "train"
    static let evaluate = "evaluate"
    static let round = "round"

    static let loss = "loss"
    static let accuracy = "accuracy"
    static let examples = "examples"
    static let seconds = "seconds"
    static let epsilon = "epsilon"
    static let clippingNorm = "clipping_norm"
    /// Measured by the session that moved the bytes, whatever the client says of itself.
    static let bytesUp = "payload_bytes_up"
    static let bytesDown = "payload_bytes_down"
}
