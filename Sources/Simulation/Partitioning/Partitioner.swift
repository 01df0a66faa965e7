import LinearAlgebra

/// Deals the rows of a data set out to clients: pure functions of labels, the number of clients and a generator.
///
/// Every training row goes to exactly one client. Held-out rows follow the training rows: of each label, a client gets the
/// share of the held-out rows that it has of the training rows, so that it is judged on the mixture that it trains on.
/// Natural silos keep their own.
package enum Partitioner {
    /// How often a partition is drawn anew when a client has too little.
    static let attempts = 1000

    private static let stream: UInt64 = 0x7061_7274  // "part"

    /// Partitions `input` as an experiment says.
    ///
    /// - Parameters:
    ///   - input: The rows.
    ///   - settings: The method and its parameters.
    ///   - clients: How many clients there are; `nil` for one a value of the field.
    ///   - seed: The experiment's seed.
    /// - Returns: The partition; clients may be empty where ``PartitionSettings/minimum`` is 0.
    /// - Throws: ``SimulationError/invalidKey(key:problem:remedy:)`` for the key that cannot be satisfied.
    package static func partition(
        _ input: PartitionInput,
        by settings: PartitionSettings,
        clients: Int?,
        seed: UInt64
    ) throws(SimulationError) -> Partition {
        let partition = try deal(input, by: settings, clients: clients, seed: seed)
        return input.labelNames.isEmpty
            ? partition.counted(by: input.fieldValues, input.fields)
            : partition.counted(by: input.labelNames, input.labels)
    }

    private static func deal(
        _ input: PartitionInput,
        by settings: PartitionSettings,
        clients: Int?,
        seed: UInt64
    ) throws(SimulationError) -> Partition {
        let seed = settings.seed ?? seed
        var generator = CounterGenerator(seed: seed, stream: [stream])
        let count = clients ?? 1
        let training: [[Int]]
        switch settings.method {
        case .draw:
            let rows = DrawnRows(
                training: input.byLabel(input.trainingRows),
                heldOut: input.byLabel(input.heldOutRows),
                trainingCount: settings.examples,
                heldOutCount: settings.heldOut,
                alpha: settings.alpha,
                seed: seed
            )
            return Partition(drawing: rows, clientCount: count)
        case .field:
            return try naturalSilos(of: input, clients: clients, minimum: settings.minimum)
        case .domain:
            training = try domains(of: input, clients: count, using: &generator)
        case .iid:
            training = pieces(of: generator.shuffled(input.trainingRows), count: count)
        case .dirichlet:
            training = try dirichlet(
                input.byLabel(input.trainingRows),
                clients: count,
                settings: settings,
                using: &generator
            )
        case .mixture:
            training = mixtures(
                input.byLabel(input.trainingRows),
                clients: count,
                alpha: settings.alpha ?? 0.5,
                using: &generator
            )
        case .shards:
            training = shards(
                input.byLabel(input.trainingRows),
                clients: count,
                perClient: settings.shardsPerClient,
                using: &generator
            )
        case .classes:
            training = try classes(
                input.byLabel(input.trainingRows),
                clients: count,
                perClient: settings.classesPerClient,
                using: &generator
            )
        case .quantity:
            training = try quantities(
                of: input.trainingRows,
                clients: count,
                settings: settings,
                using: &generator
            )
        }
        try check(training, settings: settings)
        let heldOut =
            settings.method == .domain
            ? HeldOutShares.deal(input.heldOutRows, by: input.fields, along: training, using: &generator)
            : HeldOutShares.deal(input.heldOutRows, by: input.labels, along: training, using: &generator)
        return Partition(training: RowLists(training), heldOut: RowLists(heldOut))
    }

    /// Refuses a partition whose smallest client is too small.
    private static func check(_ training: [[Int]], settings: PartitionSettings) throws(SimulationError) {
        let smallest = training.map(\.count).min() ?? 0
        guard smallest < settings.minimum else { return }
        throw .invalidKey(
            key: "partition.minimum",
            problem: "is \(settings.minimum), and a client gets \(smallest) training rows",
            remedy: "Lower it (0 allows empty clients), lower `clients`, or give more data."
        )
    }

    // MARK: - Pieces

    /// Cuts `rows` into `count` pieces whose lengths differ by one at most, the longer ones first.
    static func pieces(of rows: [Int], count: Int) -> [[Int]] {
        let (size, longer) = rows.count.quotientAndRemainder(dividingBy: max(count, 1))
        var start = 0
        return (0..<count).map { index in
            let end = start + size + (index < longer ? 1 : 0)
            defer { start = end }
            return Array(rows[start..<end])
        }
    }

    /// Cuts `rows` at ⌊p₁·n⌋, ⌊(p₁ + p₂)·n⌋ …; the last piece ends with the rows.
    static func pieces(of rows: [Int], proportions: [Double]) -> [ArraySlice<Int>] {
        var (sum, start) = (0.0, 0)
        return proportions.indices.map { index in
            sum += proportions[index]
            let cut = index == proportions.count - 1 ? rows.count : Int(sum * Double(rows.count))
            let end = min(max(cut, start), rows.count)
            defer { start = end }
            return rows[start..<end]
        }
    }
}
