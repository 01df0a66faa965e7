private import LinearAlgebra

extension LoRAAdapter {
    /// The tensors that a round trains, by name: factors as `PATH.lora_A.weight`, `PATH.lora_B.weight` or
    /// `PATH.lora_R.weight`, saved tensors by their own names.
    ///
    /// These are the names of ``controls``.
    package func trainedTensors(_ trained: TrainedFactors) -> [String: DenseTensor] {
        var tensors = savedTensors
        for (path, module) in modules {
            if trained.includesA {
                tensors["\(path).lora_A.weight"] = DenseTensor(
                    shape: [module.a.rows, module.a.columns],
                    elements: module.a.elements
                )
            }
            if trained.includesB {
                tensors["\(path).lora_B.weight"] = DenseTensor(
                    shape: [module.b.rows, module.b.columns],
                    elements: module.b.elements
                )
            }
            if trained.includesCore, let core = module.core {
                tensors["\(path).lora_R.weight"] = DenseTensor(
                    shape: [core.rows, core.columns],
                    elements: core.elements
                )
            }
        }
        return tensors
    }
}
