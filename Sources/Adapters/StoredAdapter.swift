package import LinearAlgebra

/// An adapter whose tensors are read where they lie: in memory, or in a mapped file.
///
/// Opening one costs a header; the elements are touched when somebody computes with them.
package struct StoredAdapter: Sendable {
    /// The factors of one layer; shapes as in ``LoRAModule``.
    package struct Module: Sendable {
        /// A, r×in.
        package let a: StoredMatrix
        /// B, out×r.
        package let b: StoredMatrix
        /// R, r×r, or `nil` for the identity.
        package let core: StoredMatrix?
        package let alpha: Double
        package let usesRankStabilizedScaling: Bool

        /// Creates a module from its factors.
        ///
        /// - Precondition: Their shapes fit, as in ``LoRAModule``.
        package init(
            a: StoredMatrix,
            b: StoredMatrix,
            core: StoredMatrix? = nil,
            alpha: Double,
            usesRankStabilizedScaling: Bool = false
        ) {
            precondition(a.rows == b.columns, "A is \(a.rows)×\(a.columns) but B is \(b.rows)×\(b.columns)")
            precondition(core.map { $0.rows == a.rows && $0.columns == a.rows } ?? true, "R is not \(a.rows)×\(a.rows)")
            self.a = a
            self.b = b
            self.core = core
            self.alpha = alpha
            self.usesRankStabilizedScaling = usesRankStabilizedScaling
        }

        package var rank: Int { a.rows }
        package var inputWidth: Int { a.columns }
        package var outputWidth: Int { b.rows }

        /// s, by which the product is multiplied.
        package var scaling: Double {
            LoRAModule.scaling(alpha: alpha, rank: rank, isRankStabilized: usesRankStabilizedScaling)
        }
    }

    /// A tensor that is saved whole.
    package struct Tensor: Sendable {
        package let shape: [Int]
        /// The elements in row-major order, as one row.
        package let elements: StoredMatrix

        package init(shape: [Int], elements: StoredMatrix) {
            precondition(elements.count == shape.reduce(1, *), "the elements do not fill the shape \(shape)")
            self.shape = shape
            self.elements = elements
        }
    }

    package var modules: [String: Module]
    package var savedTensors: [String: Tensor]
    /// What is folded into the base model, as in ``LoRAAdapter/residual``.
    package var residual: [String: Module]
    /// Control variates, as in ``LoRAAdapter/controls``.
    package var controls: [String: Tensor]

    package init(
        modules: [String: Module],
        savedTensors: [String: Tensor] = [:],
        residual: [String: Module] = [:],
        controls: [String: Tensor] = [:]
    ) {
        self.modules = modules
        self.savedTensors = savedTensors
        self.residual = residual
        self.controls = controls
    }

    /// Takes over an adapter that is in memory, without a copy.
    package init(_ adapter: LoRAAdapter) {
        self.init(
            modules: adapter.modules.mapValues(Module.init),
            savedTensors: adapter.savedTensors.mapValues(Tensor.init),
            residual: adapter.residual.mapValues(Module.init),
            controls: adapter.controls.mapValues(Tensor.init)
        )
    }

    /// The largest rank of any adapted layer; 0 when there is none.
    package var maximumRank: Int { modules.values.map(\.rank).max() ?? 0 }

    /// Copies the tensors into memory.
    package func resident() -> LoRAAdapter {
        LoRAAdapter(
            modules: modules.mapValues { $0.resident() },
            savedTensors: savedTensors.mapValues { $0.resident() },
            residual: residual.mapValues { $0.resident() },
            controls: controls.mapValues { $0.resident() }
        )
    }
}

extension StoredAdapter.Tensor {
    /// Takes over a tensor that is in memory, without a copy.
    package init(_ tensor: DenseTensor) {
        let row = Matrix(rows: 1, columns: tensor.elements.count, elements: tensor.elements)
        self.init(shape: tensor.shape, elements: StoredMatrix(row))
    }

    /// Copies the elements into memory.
    package func resident() -> DenseTensor {
        DenseTensor(shape: shape, elements: elements.resident().elements)
    }
}

extension StoredAdapter.Module {
    /// Takes over a module that is in memory, without a copy.
    package init(_ module: LoRAModule) {
        self.init(
            a: StoredMatrix(module.a),
            b: StoredMatrix(module.b),
            core: module.core.map(StoredMatrix.init),
            alpha: module.alpha,
            usesRankStabilizedScaling: module.usesRankStabilizedScaling
        )
    }

    /// Copies the factors into memory.
    package func resident() -> LoRAModule {
        LoRAModule(
            a: a.resident(),
            b: b.resident(),
            core: core?.resident(),
            alpha: alpha,
            usesRankStabilizedScaling: usesRankStabilizedScaling
        )
    }
}
