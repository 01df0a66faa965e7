/// What happens next, and when: a binary heap.
///
/// Of events at the same instant, comings and goings are first, then what the others did in the order of the clients,
/// then what was put in line first.
struct EventQueue: Sendable {
    enum Kind: Int, Sendable, Hashable {
        /// A client comes or goes.
        case presence
        /// A local training ends.
        case trained
        /// A client gives up in the middle of its work.
        case failed
        /// An update has arrived.
        case delivered
        case evaluated

        fileprivate var rank: Int { self == .presence ? 0 : 1 }
    }

    struct Event: Sendable, Hashable {
        let time: Duration
        let kind: Kind
        /// The client's index.
        let client: Int
        /// Which piece of the client's work it belongs to.
        let work: Int

        fileprivate func precedes(_ other: Event) -> Bool {
            if time != other.time { return time < other.time }
            return (kind.rank, client, work, kind.rawValue) < (
                other.kind.rank, other.client, other.work, other.kind.rawValue
            )
        }
    }

    private var heap: [Event] = []

    var first: Event? { heap.first }
    var count: Int { heap.count }

    /// Puts an event in line.
    ///
    /// - Complexity: O(log n).
    mutating func insert(_ event: Event) {
        heap.append(event)
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].precedes(heap[parent]) else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    /// Takes the first event out.
    ///
    /// - Complexity: O(log n).
    mutating func removeFirst() -> Event? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return first }
        heap[0] = last
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].precedes(heap[least]) { least = child }
            }
            guard least != index else { return first }
            heap.swapAt(index, least)
            index = least
        }
    }
}
