import LinearAlgebra

/// Weighted sums of tensors in 64 bits, one array a tensor.
struct TensorSum: Sendable, Codable {
    private var sums: [[Double]]

    /// Creates sums of zero.
    init(counts: [Int]) {
        self.sums = counts.map { [Double](repeating: 0, count: $0) }
    }

    /// Adds a multiple of each tensor to its sum.
    ///
    /// - Parameters:
    ///   - tensors: As many elements each as their sums have.
    ///   - scales: By what each tensor is multiplied.
    ///   - threads: How many tensors may be added at once. Each is added by one thread, so the bits do not depend on it.
    mutating func add(_ tensors: [[Float]], scaledBy scales: [Double], threads: Int) {
        precondition(tensors.count == sums.count && scales.count == sums.count, "the tensors do not fit their sums")
        Concurrency.forEach(in: &sums, threads: threads) { index, sum in
            var span = sum.mutableSpan
            let tensor = tensors[index]
            accumulate(tensor.span, scaledBy: scales[index], into: &span)
        }
    }

    /// Returns the sums divided by `total`, each rounded to 32 bits once.
    func means(total: Double) -> [[Float]] {
        sums.map { rounded($0.span, scaledBy: 1 / total) }
    }
}
