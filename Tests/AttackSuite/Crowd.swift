import Coordinator
import FederatedLearning
import FederationHarness
import NIOCore
import Synchronization
import Transport
import WireProtocol

/// Thousands of enrolled clients that all take part in one round, each with an update of its own.
package struct Crowd: Sendable {
    /// What was measured.
    package struct Report: Sendable {
        /// How many updates the round counts.
        package let counted: Int
        /// From the opening of the round to its result, in seconds.
        package let seconds: Double
        /// From the submission of the job to its end, evaluations included.
        package let whole: Double
        package let memory: ProcessMemory
    }

    package let clients: Int
    /// How many connect at a time.
    private static let breadth = 32

    package init(clients: Int) {
        self.clients = clients
    }

    /// Connects them all, has them do one round, and measures it.
    package func run(on field: AttackField) async throws -> Report {
        let members = try await field.enlistMembers(clients)
        let address = field.addresses.federation
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
            var connected = 0
            var waiting = arrivals.makeAsyncIterator()
            for (index, member) in members.enumerated() {
                if index - connected >= Self.breadth {
                    _ = await waiting.next()
                    connected += 1
                }
                group.addTask {
                    let client = CrowdClient(index: index, credentials: member)
                    try await client.run(host: address.host, port: address.port) { arrived.yield() }
                }
            }
            while try await field.admin.health().connectedClients < clients + AttackField.honest.count {
                try await Task.sleep(for: .milliseconds(200))
            }
            let begun = ContinuousClock.now
            let job = try await field.admin.submit(
                rounds: 1,
                clients: clients,
                minimum: clients,
                deadline: "10m",
                strategy: "{name: fedavg}",
                section: "evaluation: {every: 1, clients: 1}"
            )
            let report = try await field.waitUntilOver(job)
            let whole = (ContinuousClock.now - begun) / .seconds(1)
            let memory = try field.serverMemory()
            group.cancelAll()
            guard let round = report.rounds.last, let seconds = round.seconds else {
                throw AttackFailure("The round is \(report.summary.phase): \(report.summary.reason ?? "no reason").")
            }
            return Report(counted: round.clients.count, seconds: seconds, whole: whole, memory: memory)
        }
    }
}
