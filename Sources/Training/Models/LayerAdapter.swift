import LinearAlgebra

/// The adapter as one layer of the model sees it: its low-rank groups and the numbers they consist of.
struct LayerAdapter: Sendable {
    let groups: AdapterLayout.Layer
    /// The flat parameters of the whole adapter.
    let parameters: [Float]
    /// `nil` when nothing is dropped, as in evaluation.
    let dropout: Dropout?

    /// LoRA dropout: zeroes elements of the input, for the adapter's branch alone.
    ///
    /// Layers that read the same input share one mask. The masks follow from the seed, so the way back draws them again.
    struct Dropout: Sendable {
        let probability: Float
        var seed: UInt64

        func seed(for input: LayerInput) -> UInt64 { seed &+ UInt64(input.rawValue) &* 0x9E37_79B9_7F4A_7C15 }
    }

    func isAdapted(_ input: LayerInput) -> Bool { groups[input] != nil }

    func isAdapted(_ role: LayerRole, at input: LayerInput) -> Bool { groups[input]?.member(role) != nil }

    // MARK: - Forward

    /// u ← A·x of the layers that read `input`; `scratch` holds what dropout leaves of x.
    func project(
        _ x: [Float],
        at input: LayerInput,
        rows: Int,
        into u: inout [Float],
        scratch: inout [Float]
    ) {
        guard let group = groups[input] else { return }
        if let dropout {
            drop(dropout, x, at: input, into: &scratch)
            group.project(scratch, rows: rows, parameters: parameters, into: &u)
        } else {
            group.project(x, rows: rows, parameters: parameters, into: &u)
        }
    }

    /// y ← y + s·B·u, when the layer `role` is adapted.
    func add(_ role: LayerRole, at input: LayerInput, of u: [Float], rows: Int, to y: inout [Float]) {
        guard let group = groups[input], let member = group.member(role) else { return }
        group.add(member, of: u, rows: rows, parameters: parameters, to: &y)
    }

    /// Adapts the only layer that reads `input`: u ← A·x and y ← y + s·B·u.
    func adapt(
        _ role: LayerRole,
        at input: LayerInput,
        _ x: [Float],
        rows: Int,
        u: inout [Float],
        y: inout [Float],
        scratch: inout [Float]
    ) {
        project(x, at: input, rows: rows, into: &u, scratch: &scratch)
        add(role, at: input, of: u, rows: rows, to: &y)
    }

    // MARK: - Back

    /// The way back through ``adapt(_:at:_:rows:u:y:scratch:)``, up to the gradients of A, B and u.
    func propagateAdapted(
        _ role: LayerRole,
        at input: LayerInput,
        _ x: [Float],
        rows: Int,
        outputGradient: [Float],
        u: [Float],
        uGradient: inout [Float],
        gradient: inout [Float],
        scratch: inout [Float]
    ) {
        guard let group = groups[input] else { return }
        uGradient.resize(to: rows * group.rank)
        propagate(
            role,
            at: input,
            outputGradient: outputGradient,
            u: u,
            rows: rows,
            uGradient: &uGradient,
            gradient: &gradient
        )
        propagateToA(at: input, x, rows: rows, uGradient: uGradient, gradient: &gradient, scratch: &scratch)
    }

    /// Finds the gradients of B and of u for the layer `role`, when it is adapted.
    func propagate(
        _ role: LayerRole,
        at input: LayerInput,
        outputGradient: [Float],
        u: [Float],
        rows: Int,
        uGradient: inout [Float],
        gradient: inout [Float]
    ) {
        guard let group = groups[input], let member = group.member(role) else { return }
        group.propagate(
            member,
            outputGradient: outputGradient,
            u: u,
            rows: rows,
            parameters: parameters,
            uGradient: &uGradient,
            gradient: &gradient
        )
    }

    /// Finds the gradient of the A's that read `input`, once that of u is complete.
    func propagateToA(
        at input: LayerInput,
        _ x: [Float],
        rows: Int,
        uGradient: [Float],
        gradient: inout [Float],
        scratch: inout [Float]
    ) {
        guard let group = groups[input] else { return }
        if let dropout {
            drop(dropout, x, at: input, into: &scratch)
            group.propagateToA(uGradient: uGradient, x: scratch, rows: rows, gradient: &gradient)
        } else {
            group.propagateToA(uGradient: uGradient, x: x, rows: rows, gradient: &gradient)
        }
    }

    /// Adds the branches' share of the input's gradient.
    func propagateToInput(
        at input: LayerInput,
        rows: Int,
        uGradient: [Float],
        inputGradient: inout [Float],
        scratch: inout [Float]
    ) {
        guard let group = groups[input] else { return }
        guard let dropout else {
            group.propagateToInput(
                uGradient: uGradient,
                rows: rows,
                parameters: parameters,
                adding: true,
                inputGradient: &inputGradient
            )
            return
        }
        scratch.resize(to: inputGradient.count)
        group.propagateToInput(
            uGradient: uGradient,
            rows: rows,
            parameters: parameters,
            adding: false,
            inputGradient: &scratch
        )
        var target = inputGradient.mutableSpan
        Elementwise.addDropout(
            of: scratch.span,
            to: &target,
            probability: dropout.probability,
            seed: dropout.seed(for: input)
        )
    }

    private func drop(_ dropout: Dropout, _ x: [Float], at input: LayerInput, into scratch: inout [Float]) {
        scratch.resize(to: x.count)
        var dropped = scratch.mutableSpan
        Elementwise.dropout(
            x.span,
            into: &dropped,
            probability: dropout.probability,
            seed: dropout.seed(for: input)
        )
    }
}
