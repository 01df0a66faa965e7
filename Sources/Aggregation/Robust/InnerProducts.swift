/// The inner products ⟨xᵢ, xⱼ⟩ of what n clients changed, each change one long vector over all layers and heads.
///
/// Norms and distances follow from them, and so does the distance to every point Σ βᵢxᵢ that the changes span: rules that
/// choose or weigh clients need nothing else, whatever the ranks. Products of separate layers add up, because the vector
/// of an adapter is the vectors of its layers end to end.
package struct InnerProducts: Sendable, Equatable {
    /// n.
    package let count: Int
    /// ⟨xᵢ, xⱼ⟩, n×n, row by row; symmetric.
    package private(set) var elements: [Double]

    /// Creates the inner products of n vectors without elements: zeros.
    package init(count: Int) {
        precondition(count >= 0, "there cannot be \(count) changes")
        self.count = count
        self.elements = [Double](repeating: 0, count: count * count)
    }

    /// Creates the inner products of vectors that are written out, by their definition.
    package init(of vectors: [[Double]]) {
        self.init(count: vectors.count)
        precondition(vectors.allSatisfy { $0.count == vectors[0].count }, "the vectors differ in length")
        for row in 0..<count {
            for column in 0...row {
                let product = zip(vectors[row], vectors[column]).reduce(0) { $0 + $1.0 * $1.1 }
                self[row, column] = product
                self[column, row] = product
            }
        }
    }

    /// Creates the inner products from their values, row by row.
    init(count: Int, elements: [Double]) {
        precondition(elements.count == count * count, "\(elements.count) values are no products of \(count) changes")
        self.count = count
        self.elements = elements
    }

    package subscript(row: Int, column: Int) -> Double {
        get { elements[row * count + column] }
        set { elements[row * count + column] = newValue }
    }

    /// Adds the inner products of further layers of the same clients.
    package mutating func add(_ other: InnerProducts) {
        precondition(other.count == count, "\(other.count) changes are added to \(count)")
        for index in elements.indices {
            elements[index] += other.elements[index]
        }
    }

    /// ‖xᵢ‖.
    package func norm(_ index: Int) -> Double {
        max(self[index, index], 0).squareRoot()
    }

    /// ‖xᵢ − xⱼ‖².
    ///
    /// Exactly 0 for i = j, and never negative.
    package func squaredDistance(_ first: Int, _ second: Int) -> Double {
        // In one order whichever is asked for, so that the distances are symmetric to the last bit.
        let (low, high) = (min(first, second), max(first, second))
        return max(0, self[low, low] + self[high, high] - 2 * self[low, high])
    }
}
