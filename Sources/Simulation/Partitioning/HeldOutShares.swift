import LinearAlgebra

/// Deals held-out rows out as the training rows were.
enum HeldOutShares {
    /// Returns the held-out rows of each client.
    ///
    /// - Parameters:
    ///   - rows: The held-out rows.
    ///   - keys: For every row, held out or not, the label (or domain) by which shares are counted.
    ///   - training: The training rows of each client.
    ///   - generator: Decides which rows of a label go to whom.
    /// - Returns: One list a client. Of a label that nobody trains on, every client gets the same.
    static func deal(
        _ rows: [Int],
        by keys: [Int32],
        along training: [[Int]],
        using generator: inout CounterGenerator
    ) -> [[Int]] {
        var groups: [Int32: [Int]] = [:]
        for row in rows { groups[keys[row], default: []].append(row) }
        var lists = [[Int]](repeating: [], count: training.count)
        var counts: [Int32: [(client: Int, count: Int)]] = [:]
        for (client, list) in training.enumerated() {
            var own: [Int32: Int] = [:]
            for row in list { own[keys[row], default: 0] += 1 }
            for (key, count) in own { counts[key, default: []].append((client, count)) }
        }
        for key in groups.keys.sorted() {
            let rows = generator.shuffled(groups[key] ?? [])
            let holders = counts[key] ?? training.indices.map { (client: $0, count: 1) }
            let total = holders.reduce(0) { $0 + $1.count }
            var (sum, start) = (0, 0)
            for (client, count) in holders {
                sum += count
                // ⌊share·n⌋ of the running sum, in whole numbers.
                let end = sum * rows.count / max(total, 1)
                lists[client] += rows[start..<end]
                start = end
            }
        }
        return lists.map { $0.sorted() }
    }
}
