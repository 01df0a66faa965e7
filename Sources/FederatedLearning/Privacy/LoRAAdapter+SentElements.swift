import Adapters
import LinearAlgebra

// What a client sends, as one vector: the tensors of its scope, always in the same order.

extension LoRAAdapter {
    /// How many numbers a client sends.
    func sentElementCount(_ scope: UpdateScope) -> Int {
        var count = 0
        forEachSentTensor(scope) { count += $0.count }
        return count
    }

    /// The numbers that a client sends.
    func sentElements(_ scope: UpdateScope) -> [Float] {
        var elements: [Float] = []
        elements.reserveCapacity(sentElementCount(scope))
        forEachSentTensor(scope) { elements += $0 }
        return elements
    }

    /// Returns what changed since `start` in the numbers that a client sends.
    ///
    /// - Precondition: Both have the same tensors of the same shapes, which updates are checked for.
    func change(since start: LoRAAdapter, _ scope: UpdateScope) -> [Float] {
        var change = sentElements(scope)
        let former = start.sentElements(scope)
        precondition(change.count == former.count, "\(change.count) numbers are compared with \(former.count)")
        for index in change.indices { change[index] -= former[index] }
        return change
    }

    /// Returns the adapter with `change` added to the numbers that a client sends.
    ///
    /// - Precondition: There is a change for each of them.
    func adding(_ change: [Float], _ scope: UpdateScope) -> LoRAAdapter {
        precondition(change.count == sentElementCount(scope), "the change does not fit the adapter")
        var place = 0
        func moved(_ elements: [Float]) -> [Float] {
            defer { place += elements.count }
            return zip(elements, change[place...]).map { $0 + $1 }
        }
        func moved(_ matrix: Matrix) -> Matrix {
            Matrix(rows: matrix.rows, columns: matrix.columns, elements: moved(matrix.elements))
        }
        var adapter = self
        for (path, module) in modules.sorted(by: { $0.key < $1.key }) {
            var module = module
            if scope.sent.includesA { module.a = moved(module.a) }
            if scope.sent.includesB { module.b = moved(module.b) }
            if scope.sent.includesCore, let core = module.core { module.core = moved(core) }
            adapter.modules[path] = module
        }
        guard scope.sendsSavedTensors else { return adapter }
        for (name, tensor) in savedTensors.sorted(by: { $0.key < $1.key }) {
            adapter.savedTensors[name] = DenseTensor(shape: tensor.shape, elements: moved(tensor.elements))
        }
        return adapter
    }

    private func forEachSentTensor(_ scope: UpdateScope, _ body: ([Float]) -> Void) {
        for (_, module) in modules.sorted(by: { $0.key < $1.key }) {
            if scope.sent.includesA { body(module.a.elements) }
            if scope.sent.includesB { body(module.b.elements) }
            if scope.sent.includesCore, let core = module.core { body(core.elements) }
        }
        guard scope.sendsSavedTensors else { return }
        for (_, tensor) in savedTensors.sorted(by: { $0.key < $1.key }) { body(tensor.elements) }
    }
}
