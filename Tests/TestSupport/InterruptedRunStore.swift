package import Adapters
package import FederatedLearning
private import Synchronization

/// A store that dies at its k-th write, as the machine under it would.
package final class InterruptedRunStore: RunStore {
    /// The write at which the store died; tests catch it.
    package struct Interruption: Error {
        package let write: Int
    }

    /// Whether the write that fails had already reached the disk.
    package enum Moment: Sendable, CaseIterable {
        case before
        case after
    }

    private let base: InMemoryRunStore
    private let failing: Int
    private let moment: Moment
    private let writes = Mutex(0)

    /// Passes everything on to `base` until write number `failing`, counted from 1; that one and all later ones fail.
    package init(_ base: InMemoryRunStore, failingAt failing: Int, _ moment: Moment) {
        self.base = base
        self.failing = failing
        self.moment = moment
    }

    /// How many writes were tried.
    package var writeCount: Int { writes.withLock { $0 } }

    package func state(of job: JobID) async throws -> RunState { await base.state(of: job) }

    package func adapter(_ reference: AdapterReference) async throws -> LoRAAdapter {
        try await base.adapter(reference)
    }

    package func update(
        _ reference: AdapterReference,
        scope: UpdateScope,
        handed: LoRAAdapter
    ) async throws -> StoredAdapter {
        try await base.update(reference, scope: scope, handed: handed)
    }

    package func apply(_ change: RunChange, to job: JobID) async throws {
        try await interrupted { await base.apply(change, to: job) }
    }

    package func keep(_ adapter: LoRAAdapter) async throws -> AdapterReference {
        try await interrupted { await base.keep(adapter) }
    }

    private func interrupted<Result>(_ write: () async throws -> Result) async throws -> Result {
        let number = writes.withLock { count in
            count += 1
            return count
        }
        if number < failing { return try await write() }
        if number == failing, moment == .after { _ = try await write() }
        throw Interruption(write: number)
    }
}
