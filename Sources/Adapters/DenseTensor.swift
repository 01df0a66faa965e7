/// A tensor that is trained whole and saved beside the low-rank factors, such as a classification head's weight.
package struct DenseTensor: Sendable, Equatable, Codable {
    /// The extent of each dimension; empty for a scalar.
    package let shape: [Int]
    /// The elements in row-major order.
    package var elements: [Float]

    /// Creates a tensor.
    ///
    /// - Precondition: `elements` holds as many values as `shape` multiplies to. Readers check this first.
    package init(shape: [Int], elements: [Float]) {
        precondition(
            elements.count == shape.reduce(1, *),
            "\(elements.count) elements do not fill the shape \(shape)"
        )
        self.shape = shape
        self.elements = elements
    }
}
