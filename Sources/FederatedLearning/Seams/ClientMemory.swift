package import Adapters

/// What a client keeps of a job from one round to the next, and nobody else sees.
///
/// A round that is worked again after a crash must find what the round before it left, so a memory keeps the notes of
/// the latest round and of the one before. Where rounds use control variates, whoever learns that an update does not count
/// drops the notes that were made at its end: the server has not advanced either. What nobody learns is that a round was given up
/// after it had taken an update, and went on with other clients.
package protocol ClientMemory: Sendable {
    /// Returns the latest notes that were made before `round`, or `nil` when there are none.
    func recall(_ job: JobID, before round: Int) async throws -> ClientNotes?

    /// Keeps the notes of a round; durable when it returns.
    func remember(_ notes: ClientNotes, of job: JobID) async throws
}

/// What a client notes at the end of a round.
package struct ClientNotes: Sendable, Equatable {
    /// The round that ended.
    package let round: Int
    /// The adapter as the client then held it, at the rank at which it goes on; personal factors and heads included.
    package let adapter: LoRAAdapter

    package init(round: Int, adapter: LoRAAdapter) {
        self.round = round
        self.adapter = adapter
    }
}

/// A memory that ends with the process, for simulations and single trainings.
package actor VolatileMemory: ClientMemory {
    private var notes: [JobID: [ClientNotes]] = [:]

    package init() {}

    package func recall(_ job: JobID, before round: Int) -> ClientNotes? {
        notes[job]?.last { $0.round < round }
    }

    package func remember(_ new: ClientNotes, of job: JobID) {
        notes[job] = Array((notes[job, default: []].filter { $0.round < new.round } + [new]).suffix(2))
    }
}
