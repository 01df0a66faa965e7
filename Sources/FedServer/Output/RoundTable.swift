import Coordinator
import FederatedLearning
import Terminal

/// The rows of `job wait`: one a round.
struct RoundTable {
    private let silos: [String]
    private let showsEpsilon: Bool
    private let table: TextTable

    /// Creates a table in which these silos' held-out figures get a column each, and ε has one where the job is charged.
    init(silos: [String], showsEpsilon: Bool) {
        self.silos = silos
        self.showsEpsilon = showsEpsilon
        self.table = TextTable(
            [("round", .right, 5), ("clients", .right, 7), ("train loss", .right, 10)]
                + silos.map { ($0, .right, 7) }
                + [("overall", .right, 7), ("up", .right, 7), ("down", .right, 7), ("seconds", .right, 7)]
                + (showsEpsilon ? [("ε so far", .right, 8)] : [])
        )
    }

    var header: String { table.header }

    func line(_ round: RoundReport) -> String {
        table.line(
            [
                "\(round.number)", round.clients.isEmpty ? "–" : "\(round.clients.count)",
                Printed.decimal(round.trainingLoss, 3),
            ]
                + silos.map { Self.quality(round.silos[$0]) }
                + [
                    Self.quality(round.overall), Printed.bytes(round.traffic.up), Printed.bytes(round.traffic.down),
                    Printed.decimal(round.seconds, 1),
                ]
                + (showsEpsilon ? [round.epsilon.map(PrivacyFigure.text) ?? "–"] : [])
        )
    }

    /// Held-out accuracy before and after the job, of each silo and of all.
    static func comparison(before: RoundReport, after: RoundReport) -> [String] {
        let silos = Set(before.silos.keys).union(after.silos.keys).sorted()
        let rows =
            silos.map { [$0, quality(before.silos[$0]), quality(after.silos[$0])] }
            + [["overall", quality(before.overall), quality(after.overall)]]
        let table = TextTable(["HELD OUT", "BEFORE", "AFTER"], fitting: rows)
        return [table.header] + rows.map(table.line)
    }

    /// Accuracy where there is one, else the loss.
    private static func quality(_ figures: RoundReport.Figures?) -> String {
        guard let figures else { return "–" }
        return figures.accuracy == nil ? Printed.decimal(figures.loss, 3) : Printed.percent(figures.accuracy)
    }
}
