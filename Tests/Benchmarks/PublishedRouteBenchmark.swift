import LinearAlgebra

/// FlexLoRA's layer as its authors' code computes it, once, at full size: dense sum, then LAPACK's complete SVD.
enum PublishedRouteBenchmark: Benchmark {
    static let name = "published route"
    static let isLong = true

    static func run() throws -> [Row] {
        try [20, 100].flatMap(published) + [try wholeAdapter()]
    }

    private static func published(_ clients: Int) throws -> [Row] {
        let sum = FactoredSum.random(size: 4_096, clients: clients, rank: 16)
        let time = try Measurement.median(of: 3) { try sum.truncatedSVD(rank: 16) }
        let found = try sum.truncatedSVD(rank: 16)

        let clock = ContinuousClock()
        let start = clock.now
        let reference = try SingularValueDecomposition(of: sum.dense()).prefix(16)
        let published = (clock.now - start) / .seconds(1)

        let error = found.relativeDistance(to: reference)
        return [
            Row(
                "4096×4096, \(clients) clients of r = 16: 16 triplets",
                figure: time.milliseconds,
                yardstick: "\(published.milliseconds) as published, one thread; bar \(clients == 20 ? 100 : 10)×",
                ratio: (published / time).times
            ),
            Row(
                "4096×4096, \(clients) clients: distance to the published result in 32 bits, relative, at rank 16",
                figure: error.formatted(unit: ""),
                yardstick: "bar 1e-4, for a flat spectrum in 32 bits",
                ratio: (error / 1e-4).times
            ),
        ]
    }

    /// Combines 32 layers of four modules.
    ///
    /// Clients' factors are made for four modules and used again for every layer.
    private static func wholeAdapter() throws -> Row {
        let sums = (0..<4).map { _ in FactoredSum.random(size: 4_096, clients: 20, rank: 16) }
        let time = try Measurement.median(of: 1) {
            try Concurrency.map(128) { index throws(LinearAlgebraError) in
                try sums[index % sums.count].truncatedSVD(rank: 16, threads: 1)
            }
        }
        return Row(
            "A 7B-class adapter, 32 layers × q, k, v, o at 4096×4096, 20 clients of r = 16",
            figure: time.milliseconds,
            yardstick: "bar 12 s",
            ratio: (time / 12).times
        )
    }
}
