import LinearAlgebra
import Testing

@testable import Simulation

@Suite("Partitions")
struct PartitionerTests {
    /// 600 rows of four labels, unevenly frequent, every fifth held out, of three values of a field.
    static let input: PartitionInput = {
        let labels = (0..<600).map { row in Int32([0, 0, 0, 1, 1, 2, 2, 3, 3, 3][row / 5 % 10]) }
        return PartitionInput(
            labels: labels,
            labelNames: ["a", "b", "c", "d"],
            fields: (0..<600).map { Int32($0 / 200) },
            fieldValues: ["south", "north", "east"],
            trainingRows: (0..<600).filter { $0 % 5 != 4 },
            heldOutRows: (0..<600).filter { $0 % 5 == 4 }
        )
    }()

    static let dealing: [PartitionSettings] = [
        PartitionSettings(method: .iid),
        PartitionSettings(method: .dirichlet, alpha: 0.5),
        PartitionSettings(method: .dirichlet, alpha: 0.5, balance: false),
        PartitionSettings(method: .mixture, alpha: 0.3, minimum: 0),
        PartitionSettings(method: .shards, shardsPerClient: 3),
        PartitionSettings(method: .classes, classesPerClient: 2),
        PartitionSettings(method: .quantity, alpha: 2),
        PartitionSettings(method: .domain, field: "silo"),
    ]

    private func partition(
        _ settings: PartitionSettings,
        clients: Int? = 8,
        seed: UInt64 = 1,
        of input: PartitionInput = input
    ) throws -> (training: [[Int]], heldOut: [[Int]], names: [String]?) {
        let partition = try Partitioner.partition(input, by: settings, clients: clients, seed: seed)
        let clients = 0..<partition.clientCount
        return (
            clients.map(partition.trainingRows), clients.map(partition.heldOutRows), partition.names
        )
    }

    /// How many rows of each label there are.
    private func counts(_ rows: [Int]) -> [Int] {
        rows.reduce(into: [0, 0, 0, 0]) { $0[Int(Self.input.labels[$1])] += 1 }
    }

    @Test("deal every training and held-out row to exactly one client", arguments: dealing)
    func cover(settings: PartitionSettings) throws {
        let found = try partition(settings)
        #expect(found.training.count == 8)
        #expect(found.training.flatMap { $0 }.sorted() == Self.input.trainingRows)
        #expect(found.heldOut.flatMap { $0 }.sorted() == Self.input.heldOutRows)
        #expect(found.training.allSatisfy { $0.count >= settings.minimum })
    }

    @Test("follow from the seed, and from that of the partition where it has one", arguments: dealing)
    func determinism(settings: PartitionSettings) throws {
        let first = try partition(settings, seed: 5)
        #expect(try partition(settings, seed: 5).training == first.training)
        #expect(try partition(settings, seed: 5).heldOut == first.heldOut)
        #expect(try partition(settings, seed: 6).training != first.training)
        var fixed = settings
        fixed.seed = 5
        #expect(try partition(fixed, seed: 6).training == first.training)
    }

    @Test("IID gives everybody as much, and about the same mixture")
    func iid() throws {
        let found = try partition(PartitionSettings(method: .iid))
        #expect(found.training.allSatisfy { $0.count == 60 })
        // Of 60 rows 18 have the first label, with a standard deviation of 3.3.
        #expect(found.training.allSatisfy { abs(counts($0)[0] - 18) < 14 })
    }

    @Test("Dirichlet concentrates labels where alpha is small, and spreads them where it is large")
    func dirichlet() throws {
        func largestShare(alpha: Double) throws -> Double {
            let settings = PartitionSettings(method: .dirichlet, alpha: alpha, minimum: 1)
            let shares = try (1...10).flatMap { seed in
                try partition(settings, seed: UInt64(seed)).training.map { rows in
                    Double(counts(rows).max() ?? 0) / Double(rows.count)
                }
            }
            return shares.reduce(0, +) / Double(shares.count)
        }
        #expect(try largestShare(alpha: 0.05) > 0.75)
        // Labels are 30, 20, 20 and 30 per cent of all.
        #expect(try largestShare(alpha: 1000) < 0.36)
    }

    @Test("Balancing keeps Dirichlet's sizes from running apart")
    func balance() throws {
        func largest(balance: Bool) throws -> Int {
            let settings = PartitionSettings(method: .dirichlet, alpha: 0.1, minimum: 0, balance: balance)
            return try (1...10).map { try partition(settings, seed: UInt64($0)).training.map(\.count).max() ?? 0 }
                .reduce(0, +)
        }
        #expect(try largest(balance: true) < largest(balance: false))
    }

    @Test("Shards leave each client few labels")
    func shards() throws {
        let found = try partition(PartitionSettings(method: .shards, shardsPerClient: 2))
        #expect(found.training.allSatisfy { $0.count == 60 })
        // A shard of 30 rows lies on one border of labels at most.
        #expect(found.training.allSatisfy { counts($0).count { $0 > 0 } <= 4 })
        let one = try partition(PartitionSettings(method: .shards, shardsPerClient: 1))
        #expect(one.training.allSatisfy { counts($0).count { $0 > 0 } <= 2 })
    }

    @Test("Classes give each client so many labels, the first by its number", arguments: 1...4)
    func classes(perClient: Int) throws {
        let found = try partition(PartitionSettings(method: .classes, classesPerClient: perClient))
        for (client, rows) in found.training.enumerated() {
            #expect(counts(rows).count { $0 > 0 } == perClient)
            #expect(counts(rows)[client % 4] > 0)
        }
        for label in 0..<4 {
            let shares = found.training.map { counts($0)[label] }.filter { $0 > 0 }
            #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1)
        }
    }

    @Test("Classes with fewer clients than labels still deal every label")
    func fewClients() throws {
        let found = try partition(PartitionSettings(method: .classes, classesPerClient: 2), clients: 2)
        #expect(found.training.flatMap { $0 }.count == Self.input.trainingRows.count)
    }

    @Test("Quantity skews sizes and not labels")
    func quantity() throws {
        let skewed = try partition(PartitionSettings(method: .quantity, alpha: 0.5, minimum: 1)).training
        let even = try partition(PartitionSettings(method: .quantity, alpha: 1000)).training
        #expect((skewed.map(\.count).max() ?? 0) > 2 * (skewed.map(\.count).min() ?? 0))
        #expect(even.allSatisfy { (45...75).contains($0.count) })
        for rows in skewed where rows.count >= 50 {
            #expect(abs(Double(counts(rows)[0]) / Double(rows.count) - 0.3) < 0.25)
        }
    }

    @Test("A field makes silos of its values, in the order of their names and of the file")
    func silos() throws {
        let found = try partition(PartitionSettings(method: .field, field: "silo"), clients: nil)
        #expect(found.names == ["east", "north", "south"])
        #expect(found.training[0] == Self.input.trainingRows.filter { $0 >= 400 })
        #expect(found.training[2] == Self.input.trainingRows.filter { $0 < 200 })
        #expect(found.heldOut[1] == Self.input.heldOutRows.filter { (200..<400).contains($0) })
        let two = try partition(PartitionSettings(method: .field, field: "silo"), clients: 2)
        #expect(two.names == nil && two.training.map(\.count) == [320, 160])
    }

    @Test("Domains are shared by clients, and no client has two")
    func domains() throws {
        let found = try partition(PartitionSettings(method: .domain, field: "silo"))
        for (client, rows) in zip(found.training.indices, found.training) {
            #expect(rows.allSatisfy { Self.input.fields[$0] == Int32(client % 3) })
            #expect(found.heldOut[client].allSatisfy { Self.input.fields[$0] == Int32(client % 3) })
        }
    }

    @Test("Drawing gives each client rows of its own, with replacement, and never held-out ones to train on")
    func draw() throws {
        let settings = PartitionSettings(method: .draw, examples: 30, heldOut: 7)
        let found = try partition(settings, clients: 2000)
        #expect(found.training.allSatisfy { $0.count == 30 } && found.heldOut.allSatisfy { $0.count == 7 })
        #expect(Set(found.training.joined()) == Set(Self.input.trainingRows))
        #expect(Set(found.heldOut.joined()).isSubset(of: Self.input.heldOutRows))
        #expect(Set(found.training).count == 2000)
        // A client is the same in a larger federation.
        #expect(try partition(settings, clients: 5).training == Array(found.training.prefix(5)))
        let share = Double(found.training.joined().count { Self.input.labels[$0] == 0 }) / 60_000
        #expect(abs(share - 0.3) < 0.02)
    }

    @Test("Drawing with a small alpha gives each client one label to train on and to be judged on")
    func drawMixtures() throws {
        let settings = PartitionSettings(method: .draw, alpha: 0.001, examples: 30, heldOut: 10)
        let found = try partition(settings, clients: 50)
        for (training, heldOut) in zip(found.training, found.heldOut) {
            #expect(counts(training).count { $0 > 0 } <= 2)
            #expect((counts(training).max() ?? 0) >= 25)
            #expect(
                counts(training).indices.max { counts(training)[$0] < counts(training)[$1] }
                    == counts(heldOut).indices.max { counts(heldOut)[$0] < counts(heldOut)[$1] }
            )
        }
        #expect(Set(found.training.map { Self.input.labels[$0[0]] }).count == 4)
    }

    @Test("Held-out rows follow the training rows, label by label", arguments: dealing.prefix(7))
    func heldOut(settings: PartitionSettings) throws {
        let found = try partition(settings)
        for (training, heldOut) in zip(found.training, found.heldOut) {
            for (count, other) in zip(counts(training), counts(heldOut)) {
                // There are four training rows for one held-out row of each label.
                #expect(abs(Double(count) / 4 - Double(other)) <= 1)
            }
        }
    }

    @Test(
        "An impossible minimum names its key",
        arguments: [
            PartitionSettings(method: .iid, minimum: 61),
            PartitionSettings(method: .dirichlet, alpha: 0.5, minimum: 61),
            PartitionSettings(method: .dirichlet, alpha: 0.0001, minimum: 40),
            PartitionSettings(method: .mixture, alpha: 0.001, minimum: 40),
            PartitionSettings(method: .shards, minimum: 61),
            PartitionSettings(method: .classes, minimum: 300),
            PartitionSettings(method: .quantity, alpha: 0.001, minimum: 20),
            PartitionSettings(method: .domain, minimum: 100, field: "silo"),
        ]
    )
    func minimum(settings: PartitionSettings) throws {
        let error = #expect(throws: SimulationError.self) { try partition(settings) }
        #expect(error?.description.hasPrefix("`partition.minimum` is \(settings.minimum)") == true)
    }

    @Test("More silos than values, too few clients for domains and too few classes name their keys")
    func impossible() {
        for (settings, clients, key) in [
            (PartitionSettings(method: .field, field: "silo"), 4, "`clients` is 4"),
            (PartitionSettings(method: .domain, field: "silo"), 2, "`clients` is 2"),
            (PartitionSettings(method: .classes, classesPerClient: 5), 8, "`partition.classes_per_client` is 5"),
            (PartitionSettings(method: .classes, classesPerClient: 1), 3, "`partition.classes_per_client` is 1"),
        ] {
            let error = #expect(throws: SimulationError.self) { try partition(settings, clients: clients) }
            #expect(error?.description.hasPrefix(key) == true)
        }
        var input = Self.input
        input.trainingRows.removeAll { input.fields[$0] == 1 }
        let error = #expect(throws: SimulationError.self) {
            try partition(PartitionSettings(method: .field, field: "silo"), clients: nil, of: input)
        }
        #expect(error?.description.contains("'north' has 0 rows") == true)
    }
}
