import ClientDaemon
import FederatedLearning
import Foundation
import TestSupport
import Testing

@Suite("Outbox")
struct OutboxTests {
    private func update(round: Int, payload: Data) -> UnjudgedUpdate {
        UnjudgedUpdate(
            order: Sample.order(round: round),
            adapter: AdapterReference(
                digest: ContentDigest(hashing: payload),
                byteCount: payload.count,
                rank: 4,
                alpha: 16
            ),
            exampleCount: 7,
            metrics: ["loss": 0.25]
        )
    }

    /// Every file below `folder`, by its path, as a crash would leave it.
    private func files(in folder: URL) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            let file = folder.appendingPathComponent(path)
            guard try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
            files[path] = try Data(contentsOf: file)
        }
        return files
    }

    @Test("what was inserted is there after a restart, and gone after its verdict")
    func survivesRestart() async throws {
        try await withTemporaryDirectory { folder in
            let payload = Data(repeating: 7, count: 3_000_000)
            let updates = [update(round: 2, payload: payload), update(round: 1, payload: Data([1, 2, 3]))]
            let first = try Outbox(directory: folder)
            try await first.insert(updates[0], payload: payload)
            try await first.insert(updates[1], payload: Data([1, 2, 3]))

            let second = try Outbox(directory: folder)
            #expect(try await second.load() == [updates[1], updates[0]], "in order of their rounds")
            for update in updates { try second.remove(update) }
            #expect(try files(in: folder).isEmpty)
            #expect(try await Outbox(directory: folder).load().isEmpty)
        }
    }

    @Test("a payload that two updates share stays until both have their verdicts")
    func sharesPayloads() async throws {
        try await withTemporaryDirectory { folder in
            let payload = Data([1, 2, 3])
            let updates = [update(round: 1, payload: payload), update(round: 2, payload: payload)]
            let outbox = try Outbox(directory: folder)
            for update in updates { try await outbox.insert(update, payload: payload) }
            try outbox.remove(updates[0])
            try outbox.remove(updates[0])
            #expect(try await Outbox(directory: folder).load() == [updates[1]])
            try outbox.remove(updates[1])
            #expect(try files(in: folder).isEmpty)
        }
    }

    @Test("a newer update for the same order takes the older one's place")
    func replaces() async throws {
        try await withTemporaryDirectory { folder in
            let outbox = try Outbox(directory: folder)
            let older = update(round: 1, payload: Data([1]))
            let newer = update(round: 1, payload: Data([2]))
            try await outbox.insert(older, payload: Data([1]))
            try await outbox.insert(newer, payload: Data([2]))
            try outbox.remove(older)
            #expect(try await Outbox(directory: folder).load() == [newer])
            #expect(try files(in: folder).count == 2)
        }
    }

    /// What a crash in the middle of an insertion, or a damaged disk, may leave.
    enum Damage: CaseIterable {
        case recordMissing, recordCut, recordEmpty, recordRenamed, payloadMissing, payloadCut, payloadFlipped
        case temporaryRecord, temporaryPayload
    }

    @Test(
        "of an interrupted or damaged insertion nothing remains, and whole updates are untouched",
        arguments: Damage.allCases
    )
    func dropsHalves(damage: Damage) async throws {
        try await withTemporaryDirectory { folder in
            let whole = update(round: 1, payload: Data([9, 9]))
            let outbox = try Outbox(directory: folder)
            try await outbox.insert(whole, payload: Data([9, 9]))
            let before = try files(in: folder)
            let half = update(round: 2, payload: Data([1, 2, 3, 4]))
            try await outbox.insert(half, payload: Data([1, 2, 3, 4]))
            let added = try files(in: folder).filter { before[$0.key] == nil }
            let record = try #require(added.keys.first { $0.hasSuffix(".json") })
            let payload = try #require(added.keys.first { !$0.hasSuffix(".json") })

            let recordFile = folder.appendingPathComponent(record)
            let payloadFile = folder.appendingPathComponent(payload)
            var survives = false
            switch damage {
            case .recordMissing: try FileManager.default.removeItem(at: recordFile)
            case .recordCut: try Data(contentsOf: recordFile).prefix(40).write(to: recordFile)
            case .recordEmpty: try Data().write(to: recordFile)
            case .recordRenamed:
                let other = recordFile.deletingLastPathComponent().appendingPathComponent(
                    "\(String(repeating: "0", count: 64)).json"
                )
                try FileManager.default.moveItem(at: recordFile, to: other)
            case .payloadMissing: try FileManager.default.removeItem(at: payloadFile)
            case .payloadCut: try Data([1, 2, 3]).write(to: payloadFile)
            case .payloadFlipped: try Data([1, 2, 3, 5]).write(to: payloadFile)
            case .temporaryRecord:
                survives = true
                try Data([123]).write(
                    to: recordFile.deletingLastPathComponent().appendingPathComponent(".x.json.1f.tmp")
                )
            case .temporaryPayload:
                survives = true
                try Data([1]).write(to: payloadFile.deletingLastPathComponent().appendingPathComponent(".x.1f.tmp"))
            }
            let restarted = try Outbox(directory: folder)
            #expect(try await restarted.load() == (survives ? [whole, half] : [whole]))
            #expect(try files(in: folder) == (survives ? before.merging(added) { $1 } : before))
        }
    }

    @Test("an insertion that the disk refuses leaves nothing, and the next one works")
    func failsCleanly() async throws {
        try await withTemporaryDirectory { folder in
            let outbox = try Outbox(directory: folder)
            let records = folder.appendingPathComponent("records")
            try FileManager.default.removeItem(at: records)
            let update = update(round: 1, payload: Data([1]))
            await #expect(throws: (any Error).self) { try await outbox.insert(update, payload: Data([1])) }
            #expect(try files(in: folder).isEmpty)
            try FileManager.default.createDirectory(at: records, withIntermediateDirectories: false)
            try await outbox.insert(update, payload: Data([1]))
            #expect(try await Outbox(directory: folder).load() == [update])
        }
    }
}
