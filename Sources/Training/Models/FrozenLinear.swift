import Adapters
import LinearAlgebra

/// A linear layer of the base model, which is never trained: y = x·Wᵀ + bias.
struct FrozenLinear: Sendable {
    /// W, out×in.
    let weight: ModelWeight
    let bias: [Float]
    let inputWidth: Int
    let outputWidth: Int
    private let prepared: PreparedWeight

    init(weight: ModelWeight, bias: [Float], inputWidth: Int, outputWidth: Int) {
        self.weight = weight
        self.bias = bias
        self.inputWidth = inputWidth
        self.outputWidth = outputWidth
        self.prepared = PreparedWeight(weight, inputWidth: inputWidth, outputWidth: outputWidth)
    }

    /// Returns the layer with s·BA added to its weight.
    ///
    /// - Complexity: O(in·out·r), and a copy of the weight.
    func folding(_ module: LoRAModule) -> FrozenLinear {
        var elements = weight.withElements { weight in (0..<weight.count).map { weight[$0] } }
        var target = elements.mutableSpan
        let plain = module.withoutCore
        multiply(
            plain.b.elements.span,
            by: plain.a.elements.span,
            into: &target,
            m: outputWidth,
            n: inputWidth,
            k: plain.rank,
            alpha: Float(plain.scaling),
            beta: 1
        )
        return FrozenLinear(
            weight: ModelWeight(elements),
            bias: bias,
            inputWidth: inputWidth,
            outputWidth: outputWidth
        )
    }

    /// y ← x·Wᵀ.
    ///
    /// The bias is left to a later pass, which mostly adds it on the way.
    func apply(to x: [Float], rows: Int, into y: inout [Float]) {
        y.resize(to: rows * outputWidth)
        var y = y.mutableSpan
        prepared.forForward.multiply(x.span, m: rows, into: &y)
    }

    /// y ← y + x·Wᵀ.
    func apply(to x: [Float], rows: Int, addingInto y: inout [Float]) {
        var y = y.mutableSpan
        prepared.forForward.multiply(x.span, m: rows, into: &y, adding: true)
    }

    /// y ← y + bias.
    func addBias(to y: inout [Float]) {
        var y = y.mutableSpan
        Elementwise.addBias(bias.span, to: &y)
    }

    /// The way back: x' ← y'·W.
    func propagate(_ outputGradient: [Float], rows: Int, into inputGradient: inout [Float]) {
        inputGradient.resize(to: rows * inputWidth)
        var inputGradient = inputGradient.mutableSpan
        prepared.forBack.multiply(outputGradient.span, m: rows, into: &inputGradient)
    }

    /// The way back where paths meet: x' ← x' + y'·W.
    func propagate(_ outputGradient: [Float], rows: Int, addingInto inputGradient: inout [Float]) {
        var inputGradient = inputGradient.mutableSpan
        prepared.forBack.multiply(outputGradient.span, m: rows, into: &inputGradient, adding: true)
    }
}
