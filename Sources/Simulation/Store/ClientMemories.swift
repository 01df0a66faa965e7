package import Aggregation
package import FederatedLearning
private import Synchronization

/// What all simulated clients remember, in one place.
///
/// Each client has the notes of its latest round and of the one before, as a deployed one has on its disk.
package final class ClientMemories: Sendable {
    private let notes: Mutex<[ClientID: [ClientNotes]]>

    package init(_ notes: [ClientID: [ClientNotes]] = [:]) {
        self.notes = Mutex(notes)
    }

    /// The notes of every client that has some.
    package var all: [ClientID: [ClientNotes]] { notes.withLock { $0 } }

    /// The memory of one client.
    package func memory(of client: ClientID) -> some ClientMemory { View(memories: self, client: client) }

    /// Drops what a client noted at the end of a round.
    package func forget(_ round: Int, of client: ClientID) {
        notes.withLock { notes in
            notes[client] = notes[client]?.filter { $0.round != round }
        }
    }

    private struct View: ClientMemory {
        let memories: ClientMemories
        let client: ClientID

        func recall(_ job: JobID, before round: Int) -> ClientNotes? {
            memories.notes.withLock { $0[client]?.last { $0.round < round } }
        }

        func remember(_ new: ClientNotes, of job: JobID) {
            memories.notes.withLock { notes in
                let earlier = notes[client, default: []].filter { $0.round < new.round }
                notes[client] = Array((earlier + [new]).suffix(2))
            }
        }
    }
}
