import Adapters
import DifferentialPrivacy
import LinearAlgebra

// What a client sends, as one vector: the tensors of its scope, always in the same order.

extension StoredAdapter {
    /// The tensors that a client sends.
    func sentTensors(_ scope: UpdateScope) -> [StoredMatrix] {
        var tensors: [StoredMatrix] = []
        for (_, module) in modules.sorted(by: { $0.key < $1.key }) {
            if scope.sent.includesA { tensors.append(module.a) }
            if scope.sent.includesB { tensors.append(module.b) }
            if scope.sent.includesCore, let core = module.core { tensors.append(core) }
        }
        guard scope.sendsSavedTensors else { return tensors }
        return tensors + savedTensors.sorted { $0.key < $1.key }.map(\.value.elements)
    }

    /// Returns what changed since `start` in the numbers that a client sends.
    ///
    /// - Precondition: Both have the same tensors of the same shapes, which updates are checked for.
    func change(since start: LoRAAdapter, _ scope: UpdateScope) -> StoredChange {
        let (own, former) = (sentTensors(scope), StoredAdapter(start).sentTensors(scope))
        precondition(own.count == former.count, "\(own.count) tensors are compared with \(former.count)")
        var change = StoredChange()
        for (own, former) in zip(own, former) { change.append(own, since: former) }
        return change
    }
}
