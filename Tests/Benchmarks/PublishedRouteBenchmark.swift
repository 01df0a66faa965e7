import LinearAlgebra

/// FlexLoRA's layer as its authors' code computes it, once, at full size: dense sum, then LAPACK's complete SVD.
enum PublishedRouteBenchmark: Benchmark {
    static let name = "published route"
    static let isLong = true

    static func run() throws -> [Row] {
        let sum = RandomCohort(size: 4096, clients: 20, rank: 16, globalRank: 64).sum
        let time = try Measurement.median { try sum.truncatedSVD(rank: 64) }
        let found = try sum.truncatedSVD(rank: 64)

        let clock = ContinuousClock()
        let start = clock.now
        _ = try SingularValueDecomposition(of: sum.dense())
        let published = (clock.now - start) / .seconds(1)

        let error = found.relativeDistance(to: try sum.truncatedSVD(rank: 64, route: .dense))
        return [
            Row(
                "4096×4096, 20 clients of r = 16: 64 triplets",
                figure: time.milliseconds,
                yardstick: "\(published.milliseconds) as published, one thread",
                ratio: (published / time).times
            ),
            Row(
                "4096×4096, 20 clients: distance to the dense SVD in 64 bits, relative, at rank 64",
                figure: error.formatted(unit: ""),
                yardstick: "bar 1e-5",
                ratio: (error / 1e-5).times
            ),
        ]
    }
}
