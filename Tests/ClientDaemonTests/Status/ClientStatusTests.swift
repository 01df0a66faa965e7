import ClientDaemon
import FederatedLearning
import Foundation
import TestSupport
import Testing

@Suite("ClientStatus")
struct ClientStatusTests {
    private let now = Date(timeIntervalSince1970: 1_700_000_000)

    @Test("follows the events of a round, and is read back as it was written")
    func followsARound() async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            let order = Sample.order(round: 3)
            #expect(try ClientStatus.read(from: directory) == nil)
            let file = StatusFile(directory: directory, server: ServerAddress(host: "h", port: 7), now: now)

            file.record(.loaded(updates: 1), now: now)
            file.record(.welcomed(name: "amazon"), now: now)
            file.record(.started(order), now: now)
            file.record(.progressed(order.id, TrainingProgress(step: 2, stepCount: 20, loss: 1.5)), now: now)
            var status = try #require(try ClientStatus.read(from: directory))
            #expect(status.connection == .connected)
            #expect(status.name == "amazon")
            #expect(status.server == "h:7")
            #expect(status.processIdentifier == ProcessInfo.processInfo.processIdentifier)
            #expect(status.currentOrder?.jobName == "sample")
            #expect(status.currentOrder?.round == 3)
            #expect(status.currentOrder?.step == 2)
            #expect(status.unjudgedUpdates == 1)

            file.record(.finished(Sample.update(of: order)), now: now)
            file.record(.judged(order.id, .rejected(reason: "It holds NaN.")), now: now)
            file.record(.disconnected(kind: "lost", problem: "gone", retry: .seconds(1)), now: now)
            status = try #require(try ClientStatus.read(from: directory))
            #expect(status.currentOrder == nil)
            #expect(status.unjudgedUpdates == 1)
            #expect(status.rejectedUpdates == 1)
            #expect(status.lastVerdict?.reason == "It holds NaN.")
            #expect(status.connection == .waiting)
            #expect(status.problem == "gone")

            file.record(.welcomed(name: "amazon"), now: now)
            status = try #require(try ClientStatus.read(from: directory))
            #expect(status.problem == nil)
        }
    }

    @Test("a loss that is no number leaves a file that can be read")
    func survivesNaN() async throws {
        try await withTemporaryDirectory { folder in
            let directory = ClientDirectory(folder)
            let file = StatusFile(directory: directory, server: ServerAddress(host: "h", port: 7), now: now)
            let order = Sample.order()
            file.record(.started(order), now: now)
            file.record(.progressed(order.id, TrainingProgress(step: 1, stepCount: 2, loss: .nan)), now: now)
            let status = try #require(try ClientStatus.read(from: directory))
            #expect(status.currentOrder?.step == 1)
        }
    }
}
