private import LinearAlgebra

extension LoRAAdapter {
    /// The tensors that a round trains, by name: factors by ``nameOfA(_:)`` and its like, saved tensors by their own names.
    ///
    /// These are the names of ``controls``.
    package func trainedTensors(_ trained: TrainedFactors) -> [String: DenseTensor] {
        var tensors = savedTensors
        for (path, module) in modules {
            if trained.includesA {
                tensors[Self.nameOfA(path)] = DenseTensor(module.a)
            }
            if trained.includesB {
                tensors[Self.nameOfB(path)] = DenseTensor(module.b)
            }
            if trained.includesCore, let core = module.core {
                tensors[Self.nameOfCore(path)] = DenseTensor(core)
            }
        }
        return tensors
    }
}

extension DenseTensor {
    fileprivate init(_ matrix: Matrix) {
        self.init(shape: [matrix.rows, matrix.columns], elements: matrix.elements)
    }
}
