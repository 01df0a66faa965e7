/// Times a piece of work.
enum Measurement {
    /// Returns the median time of several runs, after one that is not counted.
    ///
    /// The median, because what disturbs a run only ever makes it longer, and a minimum hides what a user will see.
    ///
    /// - Parameters:
    ///   - runs: How many runs count.
    ///   - body: The work. What it returns is kept alive, so that the work cannot be left out.
    /// - Returns: Seconds.
    static func median<Result>(of runs: Int = 7, _ body: () throws -> Result) rethrows -> Double {
        keep(try body())
        var times: [Double] = []
        for _ in 0..<runs {
            let clock = ContinuousClock()
            let start = clock.now
            let result = try body()
            times.append((clock.now - start) / .seconds(1))
            keep(result)
        }
        return middle(times)
    }

    /// As ``median(of:_:)``, for work that waits.
    static func median<Result>(of runs: Int = 7, _ body: () async throws -> Result) async rethrows -> Double {
        keep(try await body())
        var times: [Double] = []
        for _ in 0..<runs {
            let clock = ContinuousClock()
            let start = clock.now
            let result = try await body()
            times.append((clock.now - start) / .seconds(1))
            keep(result)
        }
        return middle(times)
    }

    private static func middle(_ times: [Double]) -> Double {
        times.sorted()[times.count / 2]
    }

    @inline(never)
    private static func keep<Result>(_ result: Result) {}
}
