import LinearAlgebra

/// Partitions by a field of the data.
extension Partitioner {
    /// Makes a client of each value of the field, with its rows in the order of the file.
    ///
    /// With fewer clients than values, the values are dealt out in turn, and clients are numbered.
    static func naturalSilos(
        of input: PartitionInput,
        clients: Int?,
        minimum: Int
    ) throws(SimulationError) -> Partition {
        let values = input.fieldValues
        let count = clients ?? values.count
        guard count <= values.count else {
            throw .invalidKey(
                key: "clients",
                problem: "is \(count), and the field has \(values.count) values",
                remedy: "Leave it out, or write `partition: {by: domain}`, where clients share a value."
            )
        }
        // Clients are counted in the order of their names.
        let order = values.indices.sorted { values[$0].utf8.lexicographicallyPrecedes(values[$1].utf8) }
        func lists(_ rows: [Int]) -> [[Int]] {
            let groups = input.byField(rows)
            return (0..<count).map { client in
                stride(from: client, to: values.count, by: count).flatMap { groups[order[$0]] }.sorted()
            }
        }
        let training = lists(input.trainingRows)
        if let smallest = training.indices.min(by: { training[$0].count < training[$1].count }),
            training[smallest].count < minimum
        {
            throw .invalidKey(
                key: "partition.minimum",
                problem: """
                    is \(minimum), and '\(values[order[smallest]])' has \(training[smallest].count) rows to train on
                    """,
                remedy: "Lower it (0 allows empty clients), or lower `clients`, so that several values are one client."
            )
        }
        return Partition(
            training: RowLists(training),
            heldOut: RowLists(lists(input.heldOutRows)),
            names: count == values.count ? order.map { values[$0] } : nil
        )
    }

    /// Gives client i texts of the value i mod V, which it shares evenly with the other clients of that value.
    ///
    /// Feature skew: labels are alike within a domain, texts differ between domains.
    static func domains(
        of input: PartitionInput,
        clients: Int,
        using generator: inout CounterGenerator
    ) throws(SimulationError) -> [[Int]] {
        let count = input.fieldValues.count
        guard clients >= count else {
            throw .invalidKey(
                key: "clients",
                problem: "is \(clients), and the field has \(count) values, each of which needs a client",
                remedy: "Raise it, or write `partition: {by: field}`, where a client may have several values."
            )
        }
        var lists = [[Int]](repeating: [], count: clients)
        for (value, rows) in input.byField(input.trainingRows).enumerated() {
            let holders = Array(stride(from: value, to: clients, by: count))
            for (client, piece) in zip(holders, pieces(of: generator.shuffled(rows), count: holders.count)) {
                lists[client] = piece
            }
        }
        return lists
    }
}
