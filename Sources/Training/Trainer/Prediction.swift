/// What a classification says of one text.
package struct Prediction: Sendable, Hashable, Codable {
    /// One number a label.
    package let logits: [Float]
    /// The place of the label with the largest logit; the first when several are equal.
    package let label: Int

    init(logits: [Float]) {
        self.logits = logits
        self.label = logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
    }

    private enum CodingKeys: String, CodingKey {
        case logits
        case label = "prediction"
    }
}
