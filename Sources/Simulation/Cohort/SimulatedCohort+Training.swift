import Adapters
import Aggregation
import FederatedLearning

/// What clients do with an order to train, from its beginning to its record.
extension SimulatedCohort {
    func begin(_ order: WorkOrder, by index: Int) {
        let client = population.client(index)
        let device = population.device(of: index)
        let earlier = resumed.removeValue(forKey: client.id).flatMap { $0.order == order.id.round ? $0 : nil }
        let start = earlier?.start ?? clock.now()
        let workload = trainer.workload(of: client, for: order)
        let end =
            start + device.downloadTime(bytes: order.adapter.byteCount) + device.trainingTime(tokens: workload.tokens)
        let attempt = earlier?.attempt ?? nextAttempt(at: order.id.round, by: index)
        let failure = population.availability.failure(
            of: index,
            order: order.id.round,
            attempt: attempt,
            seed: population.seed
        )
        workCount += 1
        works[index] = Work(
            order: order,
            client: client,
            number: workCount,
            attempt: attempt,
            start: start,
            end: end,
            workload: workload,
            isFailing: failure != nil
        )
        let time = failure.map { start + (end - start) * $0 } ?? end
        queue.insert(.init(time: time, kind: failure == nil ? .trained : .failed, client: index, work: workCount))
    }

    private func nextAttempt(at order: Int, by client: Int) -> Int {
        guard population.availability.dropout > 0 else { return 0 }
        let count = attempts[client].flatMap { $0.order == order ? $0.count : nil } ?? 0
        attempts[client] = (order, count + 1)
        return count
    }

    /// Computes the trainings that end next, at least one.
    ///
    /// Not those that cannot count: what ends after the run's next alarm, and more than the round still takes.
    func compute(until limit: Duration?) async {
        // Keys alone are sorted: work is large, and a cohort may have thousands.
        let waiting = works.compactMap { client, work in
            let isWaiting = work.computed == nil && work.finished == nil && !work.isFailing
            return isWaiting && work.end <= limit ?? work.end ? (end: work.end, client: client) : nil
        }.sorted { ($0.end, $0.client) < ($1.end, $1.client) }
        guard let order = waiting.first.flatMap({ works[$0.client] })?.order.id.round else { return }
        let finished = finishedCount.order == order ? finishedCount.count : 0
        let wanted = cohortSize.map { max(1, $0 - finished) } ?? .max
        var adapters: [AdapterReference: LoRAAdapter] = [:]
        var starting: [(client: Int, started: StartedWork)] = []
        for (_, client) in waiting.prefix(min(wanted, max(trainer.groupSize, 1))) {
            guard let work = works[client] else { continue }
            do {
                let reference = work.order.adapter
                let adapter: LoRAAdapter
                if let known = adapters[reference] {
                    adapter = known
                } else {
                    adapter = try await store.adapter(reference)
                }
                adapters[reference] = adapter
                starting.append((client, try await clientWork(of: client, work.client).begin(adapter, for: work.order)))
            } catch {
                works[client]?.computed = .failure(error)
            }
        }
        let requests = starting.compactMap { client, started in
            works[client].map { TrainingRequest(client: $0.client, adapter: started.adapter, order: $0.order) }
        }
        for ((client, started), result) in zip(starting, await trainer.train(requests)) {
            works[client]?.computed = result.map { Computed(started: started, outcome: $0) }
        }
    }

    /// Ends a local training: the client remembers what it has to and begins to send.
    func finish(_ client: Int) async -> CohortEvent? {
        guard let work = works[client], let computed = work.computed else { return nil }
        do {
            let computed = try computed.get()
            let finished = try await clientWork(of: client, work.client).finish(
                computed.started,
                with: computed.outcome
            )
            let order = work.order.id.round
            finishedCount = (order, finishedCount.order == order ? finishedCount.count + 1 : 1)
            works[client]?.finished = finished
            // The adapters are in the payload now.
            works[client]?.computed = nil
            // From the end of the training on: work that is gone on with after an interruption may have been on its way then.
            let arrival = work.end + population.device(of: client).uploadTime(bytes: finished.payload.count)
            queue.insert(.init(time: arrival, kind: .delivered, client: client, work: work.number))
            return nil
        } catch {
            return fail(work, of: client, reason: "\(error)")
        }
    }

    func fail(_ work: Work, of client: Int, reason: String) -> CohortEvent {
        works[client] = nil
        record(work, as: .failed, reason: reason)
        return .failed(work.client.id, work.order.id, reason: reason)
    }

    /// Takes back what a client noted of an update that does not count, where its control variate and the server's advance
    /// together.
    func disown(_ work: Work) {
        guard work.finished != nil, work.order.assignment.rules.usesControlVariates else { return }
        memories.forget(work.order.id.round, of: work.client.id)
    }

    func clientWork(of client: Int, _ rows: SimulatedClient) -> ClientWork {
        ClientWork(
            client: rows.id,
            maximumRank: population.maximumRank(of: client),
            modelDigest: modelDigest,
            tasks: trainer.tasks,
            trainer: SingleClientTrainer(trainer: trainer, client: rows),
            memory: memories.memory(of: rows.id),
            book: ledgers.book(of: rows.id),
            noiseKey: { [seed] in RunSecrets.key(from: seed, order: $0, client: client) }
        )
    }

    func record(_ work: Work, as event: ClientRecord.Event, reason: String = "") {
        let figures = work.finished?.offer.metrics
        let isDone = event == .trained || event == .rejected
        recorder.append(
            ClientRecord(
                round: work.order.id.round,
                client: work.client.id,
                event: event,
                rank: work.finished?.offer.adapter.rank ?? work.order.adapter.rank,
                examples: work.client.trainingRows.count,
                steps: isDone ? work.workload.steps : nil,
                tokens: isDone ? work.workload.tokens : nil,
                trainingLoss: figures?["loss"],
                start: work.start,
                end: clock.now(),
                bytesUp: isDone ? work.finished?.payload.count : nil,
                bytesDown: work.order.adapter.byteCount,
                reason: reason
            )
        )
    }
}
