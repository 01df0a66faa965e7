/// A linear layer of a base model, which an adapter can adapt.
package struct LinearLayer: Sendable, Hashable {
    /// The module's path in the task model, as PEFT names it.
    package let path: String
    /// The number of rows of its weight.
    package let outputWidth: Int
    /// The number of columns of its weight.
    package let inputWidth: Int

    package init(path: String, outputWidth: Int, inputWidth: Int) {
        self.path = path
        self.outputWidth = outputWidth
        self.inputWidth = inputWidth
    }
}
