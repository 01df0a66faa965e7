/// Ways to add up tensors of one shape, element by element.
enum TensorSum {
    /// Returns Σ wᵢ·xᵢ.
    static func weighted(_ tensors: [[Float]], weights: [Double]) -> [Float] {
        (0..<(tensors.first?.count ?? 0)).map { index in
            Float(zip(tensors, weights).reduce(0.0) { $0 + $1.1 * Double($1.0[index]) })
        }
    }

    /// Returns the weighted mean of those elements whose sign most of the mass has.
    ///
    /// TIES, Yadav et al., "Resolving interference when merging models", NeurIPS 2023, arXiv:2306.01708: the sign is that
    /// of Σ xᵢ (of two equal masses, the positive one), and elements of another sign, zeros included, do not count. As in
    /// PEFT, signs are elected before weights are applied, and the sum is divided by how many elements count.
    static func electingSigns(_ tensors: [[Float]], weights: [Double]) -> [Float] {
        (0..<(tensors.first?.count ?? 0)).map { index in
            let isPositive = tensors.reduce(0.0) { $0 + Double($1[index]) } >= 0
            var (sum, count) = (0.0, 0)
            for (tensor, weight) in zip(tensors, weights) {
                let value = tensor[index]
                guard isPositive ? value > 0 : value < 0 else { continue }
                sum += weight * Double(value)
                count += 1
            }
            return Float(sum / Double(max(count, 1)))
        }
    }
}
