import LinearAlgebra

/// Partitions by label.
extension Partitioner {
    /// Divides each label by proportions of its own, p ~ Dir(α·1).
    ///
    /// Hsu, Qi & Brown, "Measuring the effects of non-identical data distribution", 2019, arXiv:1909.06335, with the
    /// balance step of NIID-Bench, Shepherd, FLoRA and Flower (`self_balancing`): a client that has n/N rows already gets
    /// nothing of later labels. All labels are drawn again until every client has the minimum.
    static func dirichlet(
        _ labels: [[Int]],
        clients: Int,
        settings: PartitionSettings,
        using generator: inout CounterGenerator
    ) throws(SimulationError) -> [[Int]] {
        let total = labels.reduce(0) { $0 + $1.count }
        try checkTotal(total, clients: clients, settings: settings)
        let fair = Double(total) / Double(clients)
        for _ in 0..<attempts {
            var lists = [[Int]](repeating: [], count: clients)
            for rows in labels {
                let rows = generator.shuffled(rows)
                let proportions = generator.dirichlet(alpha: settings.alpha ?? 0.5, count: clients) {
                    !settings.balance || Double(lists[$0].count) < fair
                }
                for (client, piece) in pieces(of: rows, proportions: proportions).enumerated() {
                    lists[client] += piece
                }
            }
            guard lists.allSatisfy({ $0.count >= settings.minimum }) else { continue }
            return lists.map { generator.shuffled($0) }
        }
        throw unreachableMinimum(settings, clients: clients)
    }

    /// Gives each client a mixture of labels of its own, q ~ Dir(α·1), and each label to the clients in proportion.
    ///
    /// Yurochkin et al., "Bayesian nonparametric federated learning of neural networks", ICML 2019. Sizes come out uneven.
    /// Counts are cut from running sums and not rounded one by one, so that every row is dealt.
    static func mixtures(
        _ labels: [[Int]],
        clients: Int,
        alpha: Double,
        using generator: inout CounterGenerator
    ) -> [[Int]] {
        let mixtures = (0..<clients).map { _ in generator.dirichlet(alpha: alpha, count: labels.count) }
        var lists = [[Int]](repeating: [], count: clients)
        for (label, rows) in labels.enumerated() {
            let wanted = mixtures.map { $0[label] }
            let sum = wanted.reduce(0, +)
            // Where nobody wants a label, everybody gets some of it.
            let proportions = wanted.map { sum > 0 ? $0 / sum : 1 / Double(clients) }
            for (client, piece) in pieces(of: generator.shuffled(rows), proportions: proportions).enumerated() {
                lists[client] += piece
            }
        }
        return lists.map { generator.shuffled($0) }
    }

    /// Cuts rows that are sorted by label into shards and deals each client a few.
    ///
    /// McMahan et al., "Communication-efficient learning of deep networks from decentralized data", AISTATS 2017.
    static func shards(
        _ labels: [[Int]],
        clients: Int,
        perClient: Int,
        using generator: inout CounterGenerator
    ) -> [[Int]] {
        let sorted = labels.flatMap { generator.shuffled($0) }
        let shards = generator.shuffled(pieces(of: sorted, count: clients * perClient))
        return (0..<clients).map { client in
            generator.shuffled(shards[client * perClient..<(client + 1) * perClient].joined())
        }
    }

    /// Gives client i the label i mod K and some others, and divides each label evenly among those who have it.
    ///
    /// Li et al., "Federated learning on non-IID data silos" (NIID-Bench, #label = c), ICDE 2022. Where clients are fewer
    /// than labels, the labels that nobody has yet are dealt out first, so that no row is left over.
    static func classes(
        _ labels: [[Int]],
        clients: Int,
        perClient: Int,
        using generator: inout CounterGenerator
    ) throws(SimulationError) -> [[Int]] {
        let count = labels.count
        guard perClient <= count, clients * perClient >= count else {
            throw .invalidKey(
                key: "partition.classes_per_client",
                problem: "is \(perClient), which does not go with \(count) labels and \(clients) clients",
                remedy: "Write a number from \((count - 1) / clients + 1) to \(count)."
            )
        }
        var held = (0..<clients).map { [$0 % count] }
        for label in generator.shuffled(min(clients, count)..<count) {
            let free = (0..<clients).filter { held[$0].count < perClient }
            held[free[generator.index(below: free.count)]].append(label)
        }
        for client in 0..<clients {
            let others = generator.shuffled((0..<count).filter { !held[client].contains($0) })
            held[client] += others.prefix(perClient - held[client].count)
        }
        var holders = [[Int]](repeating: [], count: count)
        for (client, labels) in held.enumerated() {
            for label in labels { holders[label].append(client) }
        }
        var lists = [[Int]](repeating: [], count: clients)
        for (label, rows) in labels.enumerated() {
            let shares = pieces(of: generator.shuffled(rows), count: holders[label].count)
            for (client, piece) in zip(holders[label], shares) { lists[client] += piece }
        }
        return lists.map { generator.shuffled($0) }
    }

    /// Gives clients different amounts of the same mixture: p ~ Dir(α·1) over clients, drawn again until the smallest has
    /// the minimum.
    static func quantities(
        of rows: [Int],
        clients: Int,
        settings: PartitionSettings,
        using generator: inout CounterGenerator
    ) throws(SimulationError) -> [[Int]] {
        try checkTotal(rows.count, clients: clients, settings: settings)
        let rows = generator.shuffled(rows)
        for _ in 0..<attempts {
            let proportions = generator.dirichlet(alpha: settings.alpha ?? 0.5, count: clients)
            let lists = pieces(of: rows, proportions: proportions)
            guard lists.allSatisfy({ $0.count >= settings.minimum }) else { continue }
            return lists.map(Array.init)
        }
        throw unreachableMinimum(settings, clients: clients)
    }

    private static func checkTotal(
        _ total: Int,
        clients: Int,
        settings: PartitionSettings
    ) throws(SimulationError) {
        guard total < clients * settings.minimum else { return }
        throw .invalidKey(
            key: "partition.minimum",
            problem: "is \(settings.minimum), and \(total) training rows are too few for \(clients) such clients",
            remedy: "Write at most \(total / clients), or lower `clients`."
        )
    }

    private static func unreachableMinimum(_ settings: PartitionSettings, clients: Int) -> SimulationError {
        .invalidKey(
            key: "partition.minimum",
            problem: """
                is \(settings.minimum), and none of \(attempts) partitions gave each of \(clients) clients so many training \
                rows
                """,
            remedy: "Lower it (0 allows empty clients), raise `partition.alpha`, or lower `clients`."
        )
    }
}
