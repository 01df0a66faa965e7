private import Adapters
package import FederatedLearning
package import Foundation
private import Transport

/// What this client keeps of its jobs between rounds, on disk.
///
/// ```
/// memory/HEX/    one folder a job, named by the hash of its identifier
///   7.safetensors    the adapter after round 7, with its scale in the file's notes
/// ```
///
/// Personal factors and heads never leave this folder.
package struct JobMemory: ClientMemory {
    private static let limits = SafetensorsLimits.payload
    private let folder: URL

    /// Creates a memory in `folder`, which is made when there is something to keep.
    package init(folder: URL) {
        self.folder = folder
    }

    @concurrent
    package func recall(_ job: JobID, before round: Int) async throws -> ClientNotes? {
        for known in rounds(of: job).sorted(by: >) where known < round {
            let file = file(of: known, in: job)
            let tensors = try SafetensorsFile(path: file.path, limits: Self.limits)
            guard let scale = tensors.header.metadata.flatMap(AdapterPayload.Scale.init(notes:)) else {
                throw ClientError.cannotRead(path: file.path, reason: "it does not say how its layers are scaled")
            }
            let adapter = try AdapterPayload.adapter(from: tensors, scale: scale)
            return ClientNotes(round: known, adapter: adapter.resident())
        }
        return nil
    }

    @concurrent
    package func remember(_ notes: ClientNotes, of job: JobID) async throws {
        guard let module = notes.adapter.modules.values.first else { return }
        let scale = AdapterPayload.Scale(
            rank: notes.adapter.maximumRank,
            alpha: module.alpha,
            usesRankStabilizedScaling: module.usesRankStabilizedScaling
        )
        try FileManager.default.createDirectory(
            at: self.folder(of: job),
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let document = AdapterPayload.document(of: notes.adapter, notes: scale.notes)
        try DurableFile.replace(file(of: notes.round, in: job), with: Data(document.bytes()), permissions: 0o600)
        // This round's notes and those of the round before are all that a repeated round can ask for.
        for old in rounds(of: job).filter({ $0 < notes.round }).sorted().dropLast() {
            try? FileManager.default.removeItem(at: file(of: old, in: job))
        }
    }

    /// Drops the notes of a round whose update does not count; durable when it returns.
    ///
    /// Those of the round before are still there, and the next round goes on from them.
    package func forget(_ round: Int, of job: JobID) throws {
        let file = file(of: round, in: job)
        guard FileManager.default.fileExists(atPath: file.path) else { return }
        try FileManager.default.removeItem(at: file)
        try DurableFile.syncFolder(of: file)
    }

    private func rounds(of job: JobID) -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder(of: job).path)) ?? []
        return names.filter { $0.hasSuffix(".safetensors") }.compactMap { Int($0.dropLast(".safetensors".count)) }
    }

    /// A job's name comes from the server, so its folder is named by a hash.
    private func folder(of job: JobID) -> URL {
        folder.appendingPathComponent("\(ContentDigest(hashing: job.rawValue.utf8))", isDirectory: true)
    }

    private func file(of round: Int, in job: JobID) -> URL {
        folder(of: job).appendingPathComponent("\(round).safetensors", isDirectory: false)
    }
}

extension AdapterPayload.Scale {
    private static let (rankKey, alphaKey, stabilizedKey) = ("r", "lora_alpha", "use_rslora")

    /// The scale as the notes of a file.
    fileprivate var notes: [String: String] {
        [
            Self.rankKey: "\(rank)", Self.alphaKey: "\(alpha)",
            Self.stabilizedKey: "\(usesRankStabilizedScaling)",
        ]
    }

    fileprivate init?(notes: [String: String]) {
        guard let rank = notes[Self.rankKey].flatMap({ Int($0) }), rank > 0,
            let alpha = notes[Self.alphaKey].flatMap({ Double($0) }),
            let isStabilized = notes[Self.stabilizedKey].flatMap({ Bool($0) })
        else { return nil }
        self.init(rank: rank, alpha: alpha, usesRankStabilizedScaling: isStabilized)
    }
}
