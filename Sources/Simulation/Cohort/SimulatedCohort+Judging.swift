import Adapters
import Aggregation
import FederatedLearning

/// How clients judge an adapter: together, because it is the same for all.
extension SimulatedCohort {
    /// Judges the adapter for everybody who was asked, once, and says what one of them found.
    func judge(_ client: Int) async -> CohortEvent? {
        guard let order = judgement?.waiting.removeValue(forKey: client) else { return nil }
        if judgement?.results[client] == nil {
            await judge(order, by: [client] + (judgement?.waiting.keys.sorted() ?? []))
        }
        let id = population.names[client]
        switch judgement?.results.removeValue(forKey: client) {
        case .success(let report):
            recorder.append(
                ClientRecord(
                    round: order.id.round,
                    client: id,
                    event: .evaluated,
                    rank: order.adapter.rank,
                    examples: report.exampleCount,
                    accuracy: report.metrics["accuracy"],
                    start: clock.now(),
                    end: clock.now()
                )
            )
            return .evaluated(id, order.id, report)
        case .failure(let error):
            return .failed(id, order.id, reason: "\(error)")
        case nil:
            return nil
        }
    }

    private func judge(_ order: WorkOrder, by asked: [Int]) async {
        let clients = asked.filter { judgement?.results[$0] == nil }.sorted()
        do {
            let adapter = try await store.adapter(order.adapter)
            if order.assignment.rules.scope.isPersonal {
                for client in clients {
                    do {
                        let report = try await clientWork(of: client, population.client(client)).evaluate(
                            adapter,
                            for: order
                        )
                        judgement?.results[client] = .success(report)
                    } catch {
                        judgement?.results[client] = .failure(error)
                    }
                }
                return
            }
            let judged = try await trainer.evaluate(adapter, for: order, by: clients.map(population.client))
            recorder.judged(round: order.id.round, pooled: judged.pooled)
            for (client, report) in zip(clients, judged.reports) { judgement?.results[client] = .success(report) }
        } catch {
            for client in clients { judgement?.results[client] = .failure(error) }
        }
    }
}
