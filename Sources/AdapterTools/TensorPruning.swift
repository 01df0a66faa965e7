/// Ways to leave out elements of a tensor before tensors are added up.
enum TensorPruning {
    /// Returns the elements of largest magnitude, and zeros in the place of the others.
    ///
    /// Keeps ⌊density·n⌋ of n elements; of equal magnitudes the first ones.
    static func byMagnitude(_ elements: [Float], density: Double) -> [Float] {
        guard density < 1 else { return elements }
        let count = Int(density * Double(elements.count))
        let order = elements.indices.sorted { left, right in
            let (a, b) = (elements[left].magnitude, elements[right].magnitude)
            return a == b ? left < right : a > b
        }
        var pruned = [Float](repeating: 0, count: elements.count)
        for index in order.prefix(count) { pruned[index] = elements[index] }
        return pruned
    }

    /// Returns the elements that `isKept` names, divided by the density so that the expected value stays (DARE, Yu et
    /// al., 2024, arXiv:2311.03099).
    static func rescaled(_ elements: [Float], density: Double, isKept: [Bool]) -> [Float] {
        zip(elements, isKept).map { $1 ? $0 / Float(density) : 0 }
    }
}
