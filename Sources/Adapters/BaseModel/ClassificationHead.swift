/// A classification head that is trained whole and saved with the adapter.
package struct ClassificationHead: Sendable, Hashable {
    /// The module's path, `classifier` for BERT.
    package let path: String
    package let labelCount: Int
    package let hiddenSize: Int
    /// σ of the weight's initial values.
    package let initializerRange: Double

    package init(path: String = "classifier", labelCount: Int, hiddenSize: Int, initializerRange: Double = 0.02) {
        self.path = path
        self.labelCount = labelCount
        self.hiddenSize = hiddenSize
        self.initializerRange = initializerRange
    }
}
