import LinearAlgebra

/// The singular vectors of Σ cᵢBᵢAᵢ without the dense matrix.
enum FactoredSumBenchmark: Benchmark {
    static let name = "factored sum"

    static func run() throws -> [Row] {
        var rows: [Row] = []
        let rate = Machine.singlePrecisionRate()
        for clients in [4, 10, 20] {
            let sum = randomSum(size: 4096, clients: clients, rank: 16)
            for route in [FactoredSum.Route.gram, .householder] {
                let time = try Measurement.median { try sum.truncatedSVD(rank: 64, route: route) }
                rows.append(
                    Row(
                        "4096×4096, \(clients) clients, r = 16: 64 triplets, \(route)",
                        figure: time.milliseconds,
                        yardstick: (rate * 1e-9).formatted(unit: "GFLOP/s sgemm"),
                        ratio: ""
                    )
                )
            }
        }
        return rows
    }

    static func randomSum(size: Int, clients: Int, rank: Int) -> FactoredSum {
        var generator = CounterGenerator(seed: 2)
        var sum = FactoredSum(rows: size, columns: size)
        for _ in 0..<clients {
            let b = (0..<size * rank).map { _ in Float(generator.gaussian()) }
            let a = (0..<size * rank).map { _ in Float(generator.gaussian()) }
            sum.add(
                Matrix(rows: size, columns: rank, elements: b),
                Matrix(rows: rank, columns: size, elements: a),
                coefficient: 1 / Double(clients)
            )
        }
        return sum
    }
}
