/// The merges of a byte-pair vocabulary: which two neighbouring tokens become one, and which pair goes first.
///
/// Sennrich, Haddow & Birch, ACL 2016.
struct BytePairMerges: Sendable {
    private struct Merge: Sendable {
        let rank: Int32
        let result: Int32
    }

    private var merges: [UInt64: Merge]

    init(minimumCapacity: Int) { merges = Dictionary(minimumCapacity: minimumCapacity) }

    /// Adds the next merge; of two for the same pair, the later one counts.
    mutating func append(_ left: Int32, _ right: Int32, to result: Int32, rank: Int) {
        merges[Self.key(left, right)] = Merge(rank: Int32(clamping: rank), result: result)
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Merges neighbours until no pair is left: always the pair of the lowest rank, of equal ones the leftmost.
    ///
    /// - Complexity: O(n²) for words of up to 64 tokens, which are almost all, and O(n·log n) for longer ones.
    func apply(to tokens: inout [Int32]) {
        tokens.count <= 64 ? applyBySearch(to: &tokens) : applyByHeap(to: &tokens)
    }

    private func applyBySearch(to tokens: inout [Int32]) {
        while tokens.count > 1 {
            var best: (place: Int, merge: Merge)?
            for place in 0..<tokens.count - 1 {
                guard let merge = merges[Self.key(tokens[place], tokens[place + 1])] else { continue }
                if best.map({ merge.rank < $0.merge.rank }) ?? true { best = (place, merge) }
            }
            guard let best else { return }
            tokens[best.place] = best.merge.result
            tokens.remove(at: best.place + 1)
        }
    }

    /// Merged tokens stay in a list that is linked by place; pairs that have changed since they were queued are passed over.
    private func applyByHeap(to tokens: inout [Int32]) {
        var next = Array(1...tokens.count)
        var previous = Array(-1..<tokens.count - 1)
        var queue = PairQueue()
        let end = tokens.count
        func enqueue(_ place: Int, _ tokens: [Int32], _ next: [Int], into queue: inout PairQueue) {
            guard place >= 0, next[place] < end else { return }
            let (left, right) = (tokens[place], tokens[next[place]])
            guard let merge = merges[Self.key(left, right)] else { return }
            queue.insert(.init(rank: merge.rank, place: place, left: left, right: right, result: merge.result))
        }
        for place in 0..<end - 1 { enqueue(place, tokens, next, into: &queue) }
        while let pair = queue.removeFirst() {
            let place = pair.place
            guard tokens[place] == pair.left, next[place] < end, tokens[next[place]] == pair.right else { continue }
            let gone = next[place]
            tokens[place] = pair.result
            tokens[gone] = -1
            next[place] = next[gone]
            if next[place] < end { previous[next[place]] = place }
            enqueue(previous[place], tokens, next, into: &queue)
            enqueue(place, tokens, next, into: &queue)
        }
        tokens.removeAll { $0 < 0 }
    }
}

/// Pairs of neighbours, the one to merge next first: a binary heap.
private struct PairQueue {
    struct Pair {
        let rank: Int32
        let place: Int
        let left: Int32
        let right: Int32
        let result: Int32

        func precedes(_ other: Pair) -> Bool { (rank, place) < (other.rank, other.place) }
    }

    private var pairs: [Pair] = []

    mutating func insert(_ pair: Pair) {
        var index = pairs.count
        pairs.append(pair)
        while index > 0, pairs[index].precedes(pairs[(index - 1) / 2]) {
            pairs.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func removeFirst() -> Pair? {
        guard let first = pairs.first, let last = pairs.popLast() else { return nil }
        guard !pairs.isEmpty else { return first }
        pairs[0] = last
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < pairs.count && pairs[child].precedes(pairs[least])
            {
                least = child
            }
            guard least != index else { return first }
            pairs.swapAt(index, least)
            index = least
        }
    }
}
