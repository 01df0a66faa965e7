private import Foundation
private import LinearAlgebra

extension LoRAAdapter {
    /// Makes the principal part of each adapted weight the adapter, and takes it out of the base model.
    ///
    /// With W = UΣVᵀ, B is U√Σ and A is √ΣVᵀ of the leading r triplets, both divided by √s, so that s·BA is the best
    /// approximation of W at rank r (PiSSA, Meng et al., 2024, arXiv:2404.02948; PEFT's `pissa_init`). The ``residual`` is
    /// −s·BA, so nothing changes before the first step.
    ///
    /// - Parameter model: The base model.
    /// - Throws: ``AdapterError`` when a weight cannot be read or is not finite, or a rank is above what its layer has.
    /// - Complexity: A dense singular value decomposition for each module.
    package mutating func takePrincipalParts(of model: BaseModelDirectory) throws(AdapterError) {
        for path in modules.keys.sorted() {
            guard let module = modules[path] else { continue }
            let shape = [module.outputWidth, module.inputWidth]
            guard module.rank <= min(shape[0], shape[1]) else {
                throw .invalidValue(
                    key: "r",
                    path: path,
                    needed: "at most \(min(shape[0], shape[1])) where `init_lora_weights` is pissa"
                )
            }
            let tensor = try model.parameter("\(path).weight", shape: shape)
            let weight = Matrix(rows: shape[0], columns: shape[1], elements: try model.weights.floats(of: tensor))
            let triplets: SingularValueDecomposition
            do {
                triplets = try SingularValueDecomposition(of: weight).prefix(module.rank)
            } catch {
                throw .invalidValue(key: tensor.name, path: model.url.path, needed: "finite numbers")
            }
            let scales = triplets.singularValues.map { Float(($0 / module.scaling).squareRoot()) }
            let b = triplets.u.scalingColumns(by: scales, paddedTo: module.rank)
            let a = triplets.vt.transposed()
                .scalingColumns(by: scales, paddedTo: module.rank)
                .transposed()
            modules[path]?.b = b
            modules[path]?.a = a
            // What is folded into a layer has a scale of 1, which is all that a payload can say of it: s goes into B.
            residual[path] = LoRAModule(a: a, b: Float(-module.scaling) * b, alpha: Double(module.rank))
        }
    }
}
