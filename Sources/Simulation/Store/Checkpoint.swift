import Adapters
import Aggregation
import FederatedLearning
import Foundation

/// A run as it is saved between two rounds: one file, which is whole or is refused.
///
/// ```
/// +----------------------+----------------+--------+----------------------+-----------------+
/// | "tributary-sim/2\n"  | header length  | header | payloads             | SHA-256 of      |
/// | 16 bytes             | 8 bytes, LE    | JSON   | one after the other  | all before, hex |
/// +----------------------+----------------+--------+----------------------+-----------------+
/// ```
///
/// Payloads are adapters as they travel, so what is read back has the same bits.
struct Checkpoint: Sendable {
    static let fileName = "checkpoint"
    private static let magic = Array("tributary-sim/2\n".utf8)
    private static let digestLength = 64

    /// The experiment that the state belongs to: a digest of its text.
    var experiment: ContentDigest
    var time: Duration
    var run: SimulationStore.SavedRun
    var outstanding: [OutstandingWork]
    var recorder: RunRecorder.Saved
    var notes: [ClientID: [ClientNotes]]
    /// What was released of each client's data.
    var ledgers: [ClientID: PrivacyLedger]

    private struct Payload: Codable {
        var length: Int
        var rank: Int
        var alpha: Double
        var isRankStabilized: Bool
    }

    private struct Note: Codable {
        var client: ClientID
        var round: Int
    }

    private struct Header: Codable {
        var experiment: ContentDigest
        var time: Duration
        var state: RunState
        var outstanding: [OutstandingWork]
        var recorder: RunRecorder.Saved
        /// The digests of the adapters, whose payloads come first.
        var adapters: [ContentDigest]
        /// The digests of the updates, whose payloads come second.
        var updates: [ContentDigest]
        /// What the payloads after them are.
        var notes: [Note]
        var ledgers: [ClientID: PrivacyLedger]
        var payloads: [Payload]
    }

    // MARK: - Writing

    /// Writes the file in place of an earlier one; a crash leaves one of the two.
    func write(to folder: URL) throws(SimulationError) {
        let url = folder.appendingPathComponent(Self.fileName)
        var header = Header(
            experiment: experiment,
            time: time,
            state: run.state,
            outstanding: outstanding,
            recorder: recorder,
            adapters: run.adapters.keys.sorted { $0.hexadecimal < $1.hexadecimal },
            updates: run.updates.keys.sorted { $0.hexadecimal < $1.hexadecimal },
            notes: [],
            ledgers: ledgers,
            payloads: []
        )
        var body: [UInt8] = []
        func add(_ adapter: LoRAAdapter) {
            let bytes = AdapterPayload.bytes(of: adapter)
            let module = adapter.modules.min { $0.key < $1.key }?.value
            header.payloads.append(
                Payload(
                    length: bytes.count,
                    rank: adapter.maximumRank,
                    alpha: module?.alpha ?? 1,
                    isRankStabilized: module?.usesRankStabilizedScaling ?? false
                )
            )
            body += bytes
        }
        for digest in header.adapters { run.adapters[digest].map { add($0) } }
        for digest in header.updates {
            let bytes = run.updates[digest] ?? []
            header.payloads.append(Payload(length: bytes.count, rank: 0, alpha: 1, isRankStabilized: false))
            body += bytes
        }
        for (client, notes) in notes.sorted(by: { $0.key < $1.key }) {
            for note in notes {
                header.notes.append(Note(client: client, round: note.round))
                add(note.adapter)
            }
        }
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let json = try encoder.encode(header)
            var bytes = Data(Self.magic)
            bytes.append(contentsOf: Self.littleEndian(json.count))
            bytes.append(json)
            bytes.append(contentsOf: body)
            bytes.append(contentsOf: ContentDigest(hashing: bytes).hexadecimal.utf8)
            try bytes.write(to: url, options: .atomic)
        } catch {
            throw .cannotWrite(path: url.path, reason: error.localizedDescription)
        }
    }

    /// Eight bytes, the least significant first.
    private static func littleEndian(_ length: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    }

    // MARK: - Reading

    /// Reads the file in `folder`; `nil` when there is none.
    ///
    /// - Throws: ``SimulationError/damagedCheckpoint(path:reason:)`` when it is cut off, changed or of another version.
    static func read(in folder: URL) throws(SimulationError) -> Checkpoint? {
        let url = folder.appendingPathComponent(fileName)
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        do {
            return try parse([UInt8](Data(contentsOf: url)))
        } catch let flaw as Flaw {
            throw .damagedCheckpoint(path: url.path, reason: flaw.reason)
        } catch {
            throw .damagedCheckpoint(path: url.path, reason: "\(error)")
        }
    }

    private struct Flaw: Error {
        let reason: String
    }

    private static func parse(_ bytes: [UInt8]) throws -> Checkpoint {
        guard bytes.starts(with: magic) else { throw Flaw(reason: "it is no checkpoint of this version") }
        let start = magic.count + 8
        guard bytes.count >= start + digestLength else { throw Flaw(reason: "it is cut off") }
        let content = bytes.dropLast(digestLength)
        guard Array(ContentDigest(hashing: content).hexadecimal.utf8) == Array(bytes.suffix(digestLength)) else {
            throw Flaw(reason: "it is cut off or was changed")
        }
        let length = bytes[magic.count..<start].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(content.count - start) else { throw Flaw(reason: "its header is longer than the file") }
        let bodyStart = start + Int(length)
        let header = try JSONDecoder().decode(Header.self, from: Data(bytes[start..<bodyStart]))
        guard header.payloads.count == header.adapters.count + header.updates.count + header.notes.count else {
            throw Flaw(reason: "its payloads are not those of its header")
        }
        var position = bodyStart
        let pieces = try header.payloads.map { payload in
            guard payload.length >= 0, payload.length <= content.endIndex - position else {
                throw Flaw(reason: "a payload is longer than the file")
            }
            defer { position += payload.length }
            return Array(bytes[position..<position + payload.length])
        }
        func adapter(_ index: Int) throws -> LoRAAdapter {
            let payload = header.payloads[index]
            return try AdapterPayload.adapter(
                from: pieces[index],
                rank: payload.rank,
                alpha: payload.alpha,
                usesRankStabilizedScaling: payload.isRankStabilized,
                source: "a payload"
            )
        }
        var run = SimulationStore.SavedRun(state: header.state, adapters: [:], updates: [:])
        for (index, digest) in header.adapters.enumerated() { run.adapters[digest] = try adapter(index) }
        for (index, digest) in header.updates.enumerated() {
            run.updates[digest] = pieces[header.adapters.count + index]
        }
        var notes: [ClientID: [ClientNotes]] = [:]
        for (index, note) in header.notes.enumerated() {
            let place = header.adapters.count + header.updates.count + index
            notes[note.client, default: []].append(ClientNotes(round: note.round, adapter: try adapter(place)))
        }
        return Checkpoint(
            experiment: header.experiment,
            time: header.time,
            run: run,
            outstanding: header.outstanding,
            recorder: header.recorder,
            notes: notes,
            ledgers: header.ledgers
        )
    }
}
