import LinearAlgebra

/// Which rows each client holds.
package struct Partition: Sendable {
    private enum Content: Sendable {
        /// Every row is dealt to one client.
        case dealt(training: RowLists, heldOut: RowLists)
        /// Each client draws its own when it is asked.
        case drawn(DrawnRows)
    }

    private let content: Content
    /// The clients' names where the data gives them; `nil` where they are numbered.
    package let names: [String]?
    package let clientCount: Int
    /// What rows are counted by in tables: labels, or values of a field where there are none.
    package private(set) var groupNames: [String] = []
    private var groups: [Int32] = []

    /// A partition that deals every row to one client.
    package init(training: RowLists, heldOut: RowLists, names: [String]? = nil) {
        precondition(
            training.count == heldOut.count && names?.count ?? training.count == training.count,
            "rows for \(training.count) and \(heldOut.count) clients"
        )
        self.content = .dealt(training: training, heldOut: heldOut)
        self.names = names
        self.clientCount = training.count
    }

    /// A partition that is drawn as it is asked for.
    init(drawing rows: DrawnRows, clientCount: Int) {
        self.content = .drawn(rows)
        self.names = nil
        self.clientCount = clientCount
    }

    /// Says by which groups rows are counted.
    ///
    /// - Parameters:
    ///   - names: The groups' names.
    ///   - groups: For each row, the place of its group in `names`.
    /// - Returns: The same partition with the groups.
    func counted(by names: [String], _ groups: [Int32]) -> Partition {
        var partition = self
        partition.groupNames = names
        partition.groups = groups
        return partition
    }

    /// The place of a row's group in ``groupNames``, where there are groups.
    package func group(of row: Int) -> Int { Int(groups[row]) }

    /// The rows that a client trains on, in the order of its file.
    package func trainingRows(of client: Int) -> [Int] {
        switch content {
        case .dealt(let training, _): Array(training[client])
        case .drawn(let rows): rows.training(of: client)
        }
    }

    /// The rows that a client evaluates on.
    package func heldOutRows(of client: Int) -> [Int] {
        switch content {
        case .dealt(_, let heldOut): Array(heldOut[client])
        case .drawn(let rows): rows.heldOut(of: client)
        }
    }

    /// How many rows a client trains on.
    package func trainingCount(of client: Int) -> Int {
        switch content {
        case .dealt(let training, _): training[client].count
        case .drawn(let rows): rows.trainingCount
        }
    }
}

/// Rows that each client draws from the pool with a generator of its own, so that a million clients cost nothing.
struct DrawnRows: Sendable {
    private static let stream: UInt64 = 0x6472_6177  // "draw"

    let training: [[Int]]
    let heldOut: [[Int]]
    let trainingCount: Int
    let heldOutCount: Int
    /// The concentration of each client's mixture of labels; `nil` when all draw from everything.
    let alpha: Double?
    let seed: UInt64

    func training(of client: Int) -> [Int] { draw(trainingCount, from: training, client: client, purpose: 0) }

    func heldOut(of client: Int) -> [Int] { draw(heldOutCount, from: heldOut, client: client, purpose: 1) }

    private func draw(_ count: Int, from groups: [[Int]], client: Int, purpose: UInt64) -> [Int] {
        let sizes = groups.map { Double($0.count) }
        guard sizes.contains(where: { $0 > 0 }) else { return [] }
        let number = UInt64(truncatingIfNeeded: client)
        var weights = sizes
        if let alpha {
            // The same mixture for both purposes; labels without rows cannot be drawn.
            var mixture = CounterGenerator(seed: seed, stream: [Self.stream, number, 2])
            let proportions = mixture.dirichlet(alpha: alpha, count: groups.count) { sizes[$0] > 0 }
            weights = proportions
        }
        let bounds = weights.reduce(into: [Double]()) { $0.append(($0.last ?? 0) + $1) }
        var generator = CounterGenerator(seed: seed, stream: [Self.stream, number, purpose])
        return (0..<count).map { _ in
            let place = generator.uniform() * (bounds.last ?? 0)
            let last = groups.lastIndex { !$0.isEmpty } ?? 0
            let group = min(bounds.firstIndex { place < $0 } ?? last, last)
            return groups[group][generator.index(below: groups[group].count)]
        }
    }
}
