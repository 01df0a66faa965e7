import Adapters
import LinearAlgebra

extension LoRAAdapter {
    /// How many numbers a client sends.
    func sentElementCount(_ scope: UpdateScope) -> Int { StoredAdapter(self).sentElementCount(scope) }

    /// Returns the adapter with `change` added to the numbers that a client sends.
    ///
    /// - Precondition: There is a change for each of them.
    func adding(_ change: [Float], _ scope: UpdateScope) -> LoRAAdapter {
        precondition(change.count == sentElementCount(scope), "the change does not fit the adapter")
        var place = 0
        /// Returns a tensor's place in the change.
        func next(_ count: Int) -> Range<Int> {
            defer { place += count }
            return place..<place + count
        }
        @Sendable func moved(_ elements: [Float], by range: Range<Int>) -> [Float] {
            var elements = elements
            var span = elements.mutableSpan
            Elementwise.add(change.span.extracting(range), to: &span)
            return elements
        }
        @Sendable func moved(_ matrix: Matrix, by range: Range<Int>) -> Matrix {
            Matrix(rows: matrix.rows, columns: matrix.columns, elements: moved(matrix.elements, by: range))
        }
        let layers = modules.sorted { $0.key < $1.key }.map { path, module in
            (
                path: path,
                module: module,
                a: scope.sent.includesA ? next(module.a.elements.count) : nil,
                b: scope.sent.includesB ? next(module.b.elements.count) : nil,
                core: scope.sent.includesCore ? module.core.map { next($0.elements.count) } : nil
            )
        }
        let movedModules = Concurrency.map(layers.count) { index in
            let layer = layers[index]
            var module = layer.module
            if let range = layer.a { module.a = moved(module.a, by: range) }
            if let range = layer.b { module.b = moved(module.b, by: range) }
            if let range = layer.core, let core = module.core { module.core = moved(core, by: range) }
            return module
        }
        var adapter = self
        for (layer, module) in zip(layers, movedModules) { adapter.modules[layer.path] = module }
        guard scope.sendsSavedTensors else { return adapter }
        for (name, tensor) in savedTensors.sorted(by: { $0.key < $1.key }) {
            let elements = moved(tensor.elements, by: next(tensor.elements.count))
            adapter.savedTensors[name] = DenseTensor(shape: tensor.shape, elements: elements)
        }
        return adapter
    }
}
