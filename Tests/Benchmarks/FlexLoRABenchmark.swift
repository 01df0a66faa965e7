import Adapters
import Aggregation
import LinearAlgebra

/// One FlexLoRA round of one large layer: combine the clients' products and cut the result to every client's rank.
enum FlexLoRABenchmark: Benchmark {
    static let name = "flexlora"

    private static let handedOut = [4, 8, 16, 32, 64]

    static func run() throws -> [Row] {
        try [cohorts(), roundTimes(), routes(), accuracy()].flatMap(\.self)
    }

    // MARK: - Cohorts

    /// The route that is chosen for each size of cohort, beside the strongest rival's.
    ///
    /// The rivals approximate. Where the chosen route is exact and they are faster, the approximate one is measured too.
    private static func cohorts() throws -> [Row] {
        let cases: [(clients: Int, bar: Double, route: FactoredSum.Route?)] = [
            (20, 0.05, nil), (100, 0.9, nil), (100, 0.9, .randomized), (1_000, 1.5, nil),
        ]
        return try cases.map { clients, bar, route in
            let sum = FactoredSum.random(size: 4_096, clients: clients, rank: 16)
            var report: TruncationReport?
            let time = try Measurement.median(of: 3) {
                let truncation = try sum.truncation(rank: 16, route: route)
                report = truncation.report
                return truncation
            }
            let rivals = Rival.flexLoRATimes(size: 4_096, clients: clients, rank: 16, triplets: 16)
            let compared = rivals.map { "\($0.seconds.milliseconds) dense product and randomized SVD in \($0.library)" }
            return Row(
                "4096×4096, \(clients) clients of r = 16: 16 triplets\(route.map { ", \($0) forced" } ?? "")",
                figure: "\(time.milliseconds), \(report.map(quality) ?? "")",
                yardstick: (["bar \(bar.milliseconds)"] + (rivals.isEmpty ? [Rival.missing] : compared))
                    .joined(separator: "; "),
                ratio: rivals.map { ($0.seconds / time).times }.joined(separator: ", ")
            )
        }
    }

    private static func quality(_ report: TruncationReport) -> String {
        guard let excess = report.excess, excess > 0 else { return "\(report.route), exact" }
        return "\(report.route), at most \((100 * excess).formatted(unit: "%")) above the smallest error"
    }

    // MARK: - Time

    private static func roundTimes() throws -> [Row] {
        let rate = Machine.singlePrecisionRate()
        return try [10, 20].map { clients in
            let cohort = RandomCohort(size: 4096, clients: clients, rank: 16, globalRank: 64)
            let time = try Measurement.median { try round(cohort, FlexLoRA(mode: .state)) }
            // What a product of 32-bit matrices would need for the operations of the two Gram matrices alone.
            let stacked = Double(clients * 16)
            let floor = 2 * 4096 * stacked * stacked / rate
            return Row(
                "4096×4096, \(clients) clients of r = 16, handed out at ranks 4 to 64",
                figure: time.milliseconds,
                yardstick: clients == 20 ? "bar 100 ms" : (rate * 1e-9).formatted(unit: "GFLOP/s sgemm, one thread"),
                ratio: clients == 20
                    ? (time / 0.1).times : "\((time / floor).times) of one thread's sgemm of both Grams"
            )
        }
    }

    private static func round(_ cohort: RandomCohort, _ strategy: FlexLoRA) throws -> [LoRAAdapter] {
        let next = try CohortAggregation(strategy: strategy).nextGlobal(from: cohort.global, updates: cohort.updates)
        return try handedOut.map { try strategy.adapter(forRank: $0, from: next) }
    }

    private static func routes() throws -> [Row] {
        let sum = RandomCohort(size: 4096, clients: 20, rank: 16, globalRank: 64).sum
        let fast = try Measurement.median { try sum.truncatedSVD(rank: 64, route: .gram) }
        let householder = try Measurement.median(of: 3) { try sum.truncatedSVD(rank: 64, route: .householder) }
        let small = RandomCohort(size: 1024, clients: 20, rank: 16, globalRank: 64).sum
        let smallFast = try Measurement.median { try small.truncatedSVD(rank: 64) }
        let published = try Measurement.median(of: 3) { try SingularValueDecomposition(of: small.dense()) }
        return [
            Row(
                "4096×4096, 20 clients: 64 triplets through Gram matrices",
                figure: fast.milliseconds,
                yardstick: "\(householder.milliseconds) through Householder QR in 64 bits",
                ratio: (householder / fast).times
            ),
            Row(
                "1024×1024, 20 clients: 64 triplets",
                figure: smallFast.milliseconds,
                yardstick: "\(published.milliseconds) as published: dense sum, LAPACK's full SVD",
                ratio: (published / smallFast).times
            ),
        ]
    }

    // MARK: - Accuracy

    private static func accuracy() throws -> [Row] {
        try [(1024, FactoredSum.Route.dense, "dense SVD"), (4096, .householder, "Householder QR and SVD")].map {
            size,
            route,
            label in
            let sum = RandomCohort(size: size, clients: 20, rank: 16, globalRank: 64).sum
            let found = try sum.truncatedSVD(rank: 64, route: .gram)
            let reference = try sum.truncatedSVD(rank: 64, route: route)
            let error = found.relativeDistance(to: reference)
            return Row(
                "\(size)×\(size), 20 clients: distance to the \(label) in 64 bits, relative, at rank 64",
                figure: error.formatted(unit: ""),
                yardstick: "bar 1e-5",
                ratio: (error / 1e-5).times
            )
        }
    }
}

extension SingularValueDecomposition {
    /// ‖X − Y‖ / ‖Y‖ of two products UΣVᵀ, without forming either.
    func relativeDistance(to other: SingularValueDecomposition) -> Double {
        var difference = FactoredSum(rows: u.rows, columns: vt.columns)
        difference.add(u, vt, coefficients: singularValues)
        difference.add(other.u, other.vt, coefficients: other.singularValues.map { -$0 })
        return difference.frobeniusNorm() / other.singularValues.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}
