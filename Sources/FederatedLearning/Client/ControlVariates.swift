import Adapters

/// The client half of SCAFFOLD, option II.
///
/// Karimireddy et al., "SCAFFOLD: stochastic controlled averaging for federated learning", ICML 2020, arXiv:1910.06378.
/// A client at x, with the server's control variate c and its own cᵢ, takes K steps of size η
///
///     y ← y − η·(gᵢ(y) − cᵢ + c)
///
/// and ends with cᵢ⁺ = cᵢ − c + (x − y)/(K·η). It sends y, as always, and cᵢ⁺ − cᵢ. All of them have the shapes of the
/// trained tensors; what is missing is zero.
struct ControlVariates {
    /// c.
    let server: [String: DenseTensor]
    /// cᵢ.
    let own: [String: DenseTensor]

    /// c − cᵢ: what is added to every gradient.
    func offset(for trained: [String: DenseTensor]) -> [String: DenseTensor] {
        combine(trained) { name, _, index in element(server, name, index) - element(own, name, index) }
    }

    /// cᵢ⁺ − cᵢ = (x − y)/(K·η) − c.
    ///
    /// - Parameters:
    ///   - start: x, the trained tensors before the first step.
    ///   - end: y, the same after the last one.
    ///   - stepCount: K, at least 1.
    ///   - learningRate: η.
    /// - Returns: The change of the client's control variate.
    func change(
        from start: [String: DenseTensor],
        to end: [String: DenseTensor],
        stepCount: Int,
        learningRate: Double
    ) -> [String: DenseTensor] {
        let length = Double(stepCount) * learningRate
        return combine(start) { name, x, index in
            (x - element(end, name, index)) / length - element(server, name, index)
        }
    }

    /// cᵢ⁺.
    func next(after change: [String: DenseTensor]) -> [String: DenseTensor] {
        combine(change) { name, change, index in element(own, name, index) + change }
    }

    private func combine(
        _ tensors: [String: DenseTensor],
        _ value: (_ name: String, _ element: Double, _ index: Int) -> Double
    ) -> [String: DenseTensor] {
        var result = tensors
        for (name, tensor) in tensors {
            result[name]?.elements = tensor.elements.indices.map {
                Float(value(name, Double(tensor.elements[$0]), $0))
            }
        }
        return result
    }

    private func element(_ tensors: [String: DenseTensor], _ name: String, _ index: Int) -> Double {
        guard let tensor = tensors[name], tensor.elements.indices.contains(index) else { return 0 }
        return Double(tensor.elements[index])
    }
}
