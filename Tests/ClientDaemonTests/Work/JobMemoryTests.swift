import Adapters
import ClientDaemon
import FederatedLearning
import Foundation
import TestSupport
import Testing

struct JobMemoryTests {
    @Test("finds again, in another process, what the latest round before left")
    func recall() async throws {
        try await withTemporaryDirectory { folder in
            let memory = JobMemory(folder: folder)
            #expect(try await memory.recall(.sample, before: 9) == nil)
            for round in 1...3 {
                let notes = ClientNotes(round: round, adapter: .sample(rank: 4, seed: UInt64(round)))
                try await memory.remember(notes, of: .sample)
            }
            let again = JobMemory(folder: folder)
            #expect(try await again.recall(.sample, before: 4)?.adapter == .sample(rank: 4, seed: 3))
            #expect(try await again.recall(.sample, before: 4)?.round == 3)
            // A round that is worked again starts from the one before it.
            #expect(try await again.recall(.sample, before: 3)?.adapter == .sample(rank: 4, seed: 2))
            // Older notes are gone.
            #expect(try await again.recall(.sample, before: 2) == nil)
            #expect(try await again.recall(JobID(rawValue: "another"), before: 9) == nil)
        }
    }

    @Test("replaces the notes of a round, keeps ranks and scales, and is readable by its owner alone")
    func replace() async throws {
        try await withTemporaryDirectory { folder in
            let memory = JobMemory(folder: folder)
            try await memory.remember(ClientNotes(round: 1, adapter: .sample(rank: 4)), of: .sample)
            let pruned = LoRAAdapter.sample(rank: 2, alpha: 3, fillsB: true)
            try await memory.remember(ClientNotes(round: 1, adapter: pruned), of: .sample)
            #expect(try await memory.recall(.sample, before: 2)?.adapter == pruned)
            let jobs = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            let job = try #require(jobs.first)
            #expect(jobs.count == 1 && !job.lastPathComponent.contains("6f1c0d0a"))
            let file = job.appendingPathComponent("1.safetensors")
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    @Test("goes on from the round before when the notes of one are dropped, also in another process")
    func forget() async throws {
        try await withTemporaryDirectory { folder in
            let memory = JobMemory(folder: folder)
            for round in 1...2 {
                let notes = ClientNotes(round: round, adapter: .sample(rank: 4, seed: UInt64(round)))
                try await memory.remember(notes, of: .sample)
            }
            try memory.forget(2, of: JobID(rawValue: "another"))
            #expect(try await memory.recall(.sample, before: 3)?.round == 2)
            try memory.forget(2, of: .sample)
            try memory.forget(2, of: .sample)
            #expect(try await JobMemory(folder: folder).recall(.sample, before: 3)?.round == 1)
        }
    }

    @Test("says which file is damaged")
    func damaged() async throws {
        try await withTemporaryDirectory { folder in
            let memory = JobMemory(folder: folder)
            try await memory.remember(ClientNotes(round: 1, adapter: .sample()), of: .sample)
            let job = try #require(
                try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).first
            )
            let file = job.appendingPathComponent("1.safetensors")
            try Data(try Data(contentsOf: file).prefix(100)).write(to: file)
            let error = await #expect(throws: AdapterError.self) { try await memory.recall(.sample, before: 2) }
            #expect(error?.description.contains("1.safetensors") == true)
        }
    }
}
