import Adapters
import Aggregation
import DifferentialPrivacy
package import FederatedLearning
import Testing

/// What every ``RunStore`` has to do, as checks that each store's tests run on a fresh one.
package enum RunStoreConformance {
    /// Checks that the stored state is the fold of the steps, at every step, and that no step counts twice.
    ///
    /// - Parameters:
    ///   - makeStore: Returns a store in which ``JobID/sample`` exists and is pending.
    ///   - reopen: Returns a store on the same state, as after a restart; by default, the same store.
    /// - Throws: What the store throws.
    package static func checkSteps<Store: RunStore>(
        makeStore: () async throws -> Store,
        reopen: (Store) async throws -> Store = { $0 }
    ) async throws {
        let store = try await makeStore()
        let first = try await store.keep(.sample(seed: 1))
        let second = try await store.keep(.sample(seed: 2))
        let cohort = ["a", "b", "ü"].map { CohortMember(client: ClientID($0), adapter: first) }
        let updates = cohort.map {
            UpdateOffer.sample($0.client, round: 1, content: UInt8($0.client.rawValue.utf8.count))
        }
        let figures = [
            Measurement(round: 1, client: "a", phase: "train", name: "loss", value: 0.5),
            Measurement(round: 1, client: nil, phase: "round", name: "seconds", value: 1e-300),
        ]
        var late = updates[0]
        late = UpdateOffer(client: late.client, order: late.order, adapter: second, exampleCount: 1, metrics: [:])
        let steps: [RunChange] = [
            .began(initial: first), .evaluated(round: 0), .opened(round: 1, cohort: cohort), .accepted(updates[0]),
            .abandoned(round: 1, reason: "'b' left; \"quoted\" \u{0}"), .opened(round: 1, cohort: cohort),
            .accepted(updates[2]), .accepted(updates[0]), .accepted(late), .accepted(updates[1]),
            .joined(round: 1, member: CohortMember(client: "d", adapter: second)),
            .joined(round: 1, member: CohortMember(client: "a", adapter: second)),
            .joined(round: 2, member: CohortMember(client: "e", adapter: first)),
            .measured(figures),
            .committed(round: 1, global: second, moments: MomentReferences(first: first, second: second)),
            .measured([]), .evaluated(round: 1), .finished,
            .failed(reason: "too late"),
        ]
        let expected = try await check(steps, on: store, reopen: reopen)
        #expect(expected.phase == .finished)
        #expect(
            expected.countedUpdates == ["a": updates[0], "b": updates[1], "ü": updates[2]].mapValues(\.adapter.digest)
        )
    }

    /// Checks the same for the steps of asynchronous rounds.
    ///
    /// - Parameters:
    ///   - makeStore: Returns a store in which ``JobID/sample`` exists and is pending.
    ///   - reopen: Returns a store on the same state, as after a restart; by default, the same store.
    /// - Throws: What the store throws.
    package static func checkAsynchronousSteps<Store: RunStore>(
        makeStore: () async throws -> Store,
        reopen: (Store) async throws -> Store = { $0 }
    ) async throws {
        let store = try await makeStore()
        let first = try await store.keep(.sample(seed: 1))
        let second = try await store.keep(.sample(seed: 2))
        func task(_ number: Int, version: Int, _ adapter: AdapterReference) -> AsynchronousTask {
            AsynchronousTask(number: number, version: version, adapter: adapter)
        }
        /// An update of a silo that counts what it gives away.
        func told(_ number: Int, epsilon: Double) -> UpdateOffer {
            let plain = UpdateOffer.sample("a", round: number)
            return UpdateOffer(
                client: plain.client,
                order: plain.order,
                adapter: plain.adapter,
                exampleCount: plain.exampleCount,
                metrics: SiloStanding(epsilon: epsilon, next: 2 * epsilon).figures
            )
        }
        let steps: [RunChange] = [
            .assigned(task(1, version: 0, first), to: "too early"),
            .began(initial: first), .evaluated(round: 0),
            .committed(round: 1, global: second),
            .assigned(task(1, version: 0, first), to: "a"), .assigned(task(2, version: 0, first), to: "ü"),
            .assigned(task(2, version: 0, first), to: "b"), .assigned(task(3, version: 1, first), to: "b"),
            .opened(round: 1, cohort: [CohortMember(client: "a", adapter: first)]),
            // In another order than the tasks'; with updates of nobody, of another number, and a second one.
            .accepted(.sample("ü", round: 2, content: 3)), .accepted(.sample("a", round: 2)),
            .accepted(.sample("b", round: 1)), .accepted(.sample("a", round: 1)),
            .accepted(.sample("a", round: 1, content: 4)),
            .assigned(task(3, version: 0, first), to: "ü"), .accepted(.sample("ü", round: 3, content: 5)),
            .committed(round: 2, global: second), .measured([]), .committed(round: 1, global: second),
            .assigned(task(4, version: 1, second), to: "a"), .accepted(told(4, epsilon: 9)),
            .abandoned(round: 1, reason: "of another step"), .abandoned(round: 2, reason: "damaged"),
            // Given up without an update, and asked again.
            .assigned(task(5, version: 1, second), to: "a"), .assigned(task(6, version: 1, second), to: "a"),
            .accepted(.sample("a", round: 5)), .accepted(told(6, epsilon: 0.5)),
            .committed(round: 2, global: first), .evaluated(round: 2),
            // What a silo has released counts, though its step is given up.
            .assigned(task(7, version: 2, first), to: "a"), .accepted(told(7, epsilon: 0.75)),
            .abandoned(round: 3, reason: "damaged"), .finished,
        ]
        let expected = try await check(steps, on: store, reopen: reopen)
        #expect(expected.phase == .finished)
        #expect(expected.committedRounds == 2)
        #expect(expected.asynchronous.buffer.isEmpty)
        #expect(expected.asynchronous.deliveries.mapValues(\.number) == ["a": 7, "ü": 3])
        #expect(expected.siloStandings == ["a": SiloStanding(epsilon: 0.75, next: 1.5)])
    }

    /// Checks the same for the steps of rounds that are charged, up to the end of the job, which forgets the keys.
    ///
    /// - Parameters:
    ///   - makeStore: Returns a store in which ``JobID/sample`` exists and is pending.
    ///   - reopen: Returns a store on the same state, as after a restart; by default, the same store.
    /// - Throws: What the store throws.
    package static func checkPrivacySteps<Store: RunStore>(
        makeStore: () async throws -> Store,
        reopen: (Store) async throws -> Store = { $0 }
    ) async throws {
        let store = try await makeStore()
        let first = try await store.keep(.sample(seed: 1))
        let cohort = ["a", "b"].map { CohortMember(client: ClientID($0), adapter: first) }
        let key = try #require(NoiseKey(bytes: [UInt8](0..<32)))
        let sampled = NoisedSteps(noiseMultiplier: 1.1, sampling: .poisson(rate: 0.25))
        let whole = NoisedSteps(noiseMultiplier: 2, sampling: .everyone, count: 3)
        func charge(_ round: Int, _ steps: NoisedSteps?, key: NoiseKey? = nil, isShared: Bool = false) -> RunChange {
            .charged(
                PrivacyCharge(round: round, steps: steps, clippingNorm: 0.5, noiseKey: key, isKeyShared: isShared)
            )
        }
        let plain = UpdateOffer.sample("b", round: 2)
        let told = UpdateOffer(
            client: plain.client,
            order: plain.order,
            adapter: plain.adapter,
            exampleCount: plain.exampleCount,
            metrics: ["epsilon": 1.5, "epsilon_next": 1.75]
        )
        let steps: [RunChange] = [
            charge(1, sampled, key: key), .began(initial: first), .opened(round: 1, cohort: cohort),
            // What clients noise themselves leaves the round open.
            charge(2, whole), charge(1, whole), charge(1, sampled, key: key), .accepted(.sample("a", round: 1)),
            .abandoned(round: 1, reason: "too few"),
            // Another attempt is charged again, and a key closes it.
            .opened(round: 1, cohort: cohort), .accepted(.sample("a", round: 1)), charge(1, sampled, key: key),
            .accepted(.sample("b", round: 1)), .committed(round: 1, global: first, clippingNorm: 0.75),
            .opened(round: 2, cohort: cohort), .accepted(told), charge(2, nil, key: key, isShared: true),
            .committed(round: 2, global: first),
            .exhausted(reason: "Round 3 would cost too much."), .finished,
        ]
        let expected = try await check(steps, on: store, reopen: reopen)
        #expect(expected.phase == .exhausted(reason: "Round 3 would cost too much."))
        #expect(expected.ledger == PrivacyLedger(steps: [whole, sampled]))
        #expect(expected.noiseKey == nil && expected.clippingNorm == nil)
        #expect(expected.siloStandings == ["b": SiloStanding(epsilon: 1.5, next: 1.75)])
    }

    /// Applies steps, each twice, and returns the state that they fold to.
    private static func check<Store: RunStore>(
        _ steps: [RunChange],
        on store: Store,
        reopen: (Store) async throws -> Store
    ) async throws -> RunState {
        var store = store
        var expected = RunState()
        #expect(try await store.state(of: .sample) == expected)
        for step in steps {
            expected.apply(step)
            try await store.apply(step, to: .sample)
            #expect(try await store.state(of: .sample) == expected, "after \(step)")
            try await store.apply(step, to: .sample)
            #expect(try await store.state(of: .sample) == expected, "after \(step), told twice")
            store = try await reopen(store)
            #expect(try await store.state(of: .sample) == expected, "after \(step), reopened")
        }
        return expected
    }

    /// Checks that adapters come back bit for bit under a digest that depends on nothing else.
    package static func checkAdapters<Store: RunStore>(
        makeStore: () async throws -> Store,
        reopen: (Store) async throws -> Store = { $0 }
    ) async throws {
        let store = try await makeStore()
        var extreme = LoRAAdapter.sample(rank: 2, alpha: 3, fillsB: true)
        extreme.savedTensors["classifier.bias"]?.elements = [
            0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1, 2, 3, 4,
        ]
        for adapter in [LoRAAdapter.sample(), .sample(rank: 1, seed: 3), extreme] {
            let reference = try await store.keep(adapter)
            #expect(reference.rank == adapter.maximumRank)
            #expect(reference.alpha == adapter.modules.values.first?.alpha)
            #expect(reference.digest == ContentDigest(hashing: AdapterPayload.bytes(of: adapter)))
            #expect(reference.byteCount == AdapterPayload.bytes(of: adapter).count)
            #expect(try await store.keep(adapter) == reference)
            let found = try await reopen(store).adapter(reference)
            #expect(AdapterPayload.bytes(of: found) == AdapterPayload.bytes(of: adapter))
            #expect(found.modules.mapValues(\.alpha) == adapter.modules.mapValues(\.alpha))
        }
    }

    /// Checks that a payload that is gone, damaged or of another rank is an error and never an adapter.
    ///
    /// - Parameters:
    ///   - makeStore: Returns an empty store.
    ///   - flipBit: Turns the given bit of the stored payload that the digest names.
    /// - Throws: What the store throws.
    package static func checkDamage<Store: RunStore>(
        makeStore: () async throws -> Store,
        flipBit: (Store, Int, ContentDigest) async throws -> Void
    ) async throws {
        let store = try await makeStore()
        let missing = AdapterReference.sample(7)
        await #expect(throws: StoredAdapterError.missing(missing.digest)) { _ = try await store.adapter(missing) }

        let reference = try await store.keep(.sample())
        let otherRank = AdapterReference(
            digest: reference.digest,
            byteCount: reference.byteCount,
            rank: reference.rank + 1,
            alpha: reference.alpha
        )
        let error = await #expect(throws: StoredAdapterError.self) { _ = try await store.adapter(otherRank) }
        guard case .unreadable(reference.digest, _)? = error else {
            Issue.record("an adapter of another rank was not called unreadable: \(String(describing: error))")
            return
        }

        // Every 37th bit: a prime step reaches the header, the padding and the tensors alike.
        for bit in stride(from: 0, to: reference.byteCount * 8, by: 37) {
            try await flipBit(store, bit, reference.digest)
            await #expect(throws: StoredAdapterError.damaged(reference.digest), "bit \(bit)") {
                _ = try await store.adapter(reference)
            }
            try await flipBit(store, bit, reference.digest)
        }
        #expect(try await store.adapter(reference) == .sample())
    }
}
