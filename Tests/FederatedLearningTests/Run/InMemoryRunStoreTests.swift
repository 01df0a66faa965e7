import FederatedLearning
import TestSupport
import Testing

/// The store that other tests stand on keeps what every store has to keep.
struct InMemoryRunStoreTests {
    @Test("folds steps, each once")
    func steps() async throws {
        try await RunStoreConformance.checkSteps { InMemoryRunStore() }
    }

    @Test("folds the steps of asynchronous rounds, each once")
    func asynchronousSteps() async throws {
        try await RunStoreConformance.checkAsynchronousSteps { InMemoryRunStore() }
    }

    @Test("keeps adapters bit for bit")
    func adapters() async throws {
        try await RunStoreConformance.checkAdapters { InMemoryRunStore() }
    }

    @Test("notices damage")
    func damage() async throws {
        try await RunStoreConformance.checkDamage {
            InMemoryRunStore()
        } flipBit: { store, bit, digest in
            await store.flipBit(bit, of: digest)
        }
    }
}
