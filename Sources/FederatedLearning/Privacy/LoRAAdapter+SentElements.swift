import Adapters
import LinearAlgebra

extension LoRAAdapter {
    /// How many numbers a client sends.
    func sentElementCount(_ scope: UpdateScope) -> Int { sentLengths(scope).reduce(0, +) }

    /// How many numbers each tensor has that a client sends.
    func sentLengths(_ scope: UpdateScope) -> [Int] { StoredAdapter(self).sentTensors(scope).map(\.count) }

    /// Returns the adapter with `change` added to the numbers that a client sends.
    ///
    /// - Parameters:
    ///   - change: One for each number of each sent tensor, in the order of all changes.
    ///   - scope: What clients send.
    /// - Returns: The adapter, whose other tensors are as they were.
    func adding(_ change: consuming [[Float]], _ scope: UpdateScope) -> LoRAAdapter {
        let tensors = StoredAdapter(self).sentTensors(scope)
        // Where nobody else holds the change, its own memory becomes the adapter's.
        var sums = change
        precondition(sums.map(\.count) == tensors.map(\.count), "the change does not fit the adapter")
        Concurrency.forEach(in: &sums) { index, numbers in
            var span = numbers.mutableSpan
            tensors[index].withElements { Elementwise.add($0, to: &span) }
        }
        var place = sums.makeIterator()
        func next() -> [Float] { place.next() ?? [] }
        func next(like matrix: Matrix) -> Matrix {
            Matrix(rows: matrix.rows, columns: matrix.columns, elements: next())
        }
        var adapter = self
        for (path, module) in modules.sorted(by: { $0.key < $1.key }) {
            var module = module
            if scope.sent.includesA { module.a = next(like: module.a) }
            if scope.sent.includesB { module.b = next(like: module.b) }
            if scope.sent.includesCore, let core = module.core { module.core = next(like: core) }
            adapter.modules[path] = module
        }
        guard scope.sendsSavedTensors else { return adapter }
        for (name, tensor) in savedTensors.sorted(by: { $0.key < $1.key }) {
            adapter.savedTensors[name] = DenseTensor(shape: tensor.shape, elements: next())
        }
        return adapter
    }
}
