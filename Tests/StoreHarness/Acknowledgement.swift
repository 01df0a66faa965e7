import Aggregation
import FederatedLearning
import Synchronization

/// Something that the server has told somebody, and may not forget.
enum Acknowledgement: Hashable, Sendable {
    case enrolled(name: String, fingerprint: ContentDigest)
    case revoked(name: String, fingerprint: ContentDigest)
    case submitted
    case accepted(UpdateOffer)
    case committed(round: Int, global: AdapterReference)
    /// The figures of an evaluation are recorded.
    case confirmed(ClientID, round: Int)
}

/// The acknowledgements of a run, in order.
final class AcknowledgementLog: Sendable {
    private let entries = Mutex<[Acknowledgement]>([])
    private let onEntry: @Sendable (Int) -> Void

    /// Makes a log; `onEntry` is told the number of each entry when it is made.
    init(onEntry: @escaping @Sendable (Int) -> Void = { _ in }) {
        self.onEntry = onEntry
    }

    var all: [Acknowledgement] { entries.withLock { $0 } }

    func append(_ acknowledgement: Acknowledgement) {
        entries.withLock { entries in
            entries.append(acknowledgement)
            onEntry(entries.count - 1)
        }
    }
}
