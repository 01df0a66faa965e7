import Foundation

/// Processes of this program that play seeds side by side.
enum Workers {
    /// How many seeds one process plays: what a killed process of the simulation held on to is let go with the real one.
    private static let seedsPerProcess: UInt64 = 250

    /// Has `jobs` processes at a time play seeds, and passes on what they print as it comes.
    ///
    /// - Parameters:
    ///   - first: The first seed.
    ///   - count: How many seeds follow one another from it on.
    ///   - jobs: How many processes share them out.
    ///   - arguments: What else the processes are told.
    ///   - receive: Is told of each seed that was played; returns whether to go on.
    /// - Returns: For each worker that died, how: a trap in the code under test, most likely.
    /// - Throws: When no process can be started.
    static func run(
        from first: UInt64,
        count: UInt64,
        jobs: Int,
        arguments: [String] = [],
        _ receive: (Line) -> Bool
    ) throws -> [String] {
        var deaths: [String] = []
        var goesOn = true
        for start in stride(from: 0, to: count, by: Int(seedsPerProcess) * jobs) where goesOn {
            let share = min(count - start, seedsPerProcess * UInt64(jobs))
            deaths += try play(from: first + start, count: share, jobs: jobs, arguments: arguments) { line in
                goesOn = receive(line) && goesOn
                return goesOn
            }
        }
        return deaths
    }

    private static func play(
        from first: UInt64,
        count: UInt64,
        jobs: Int,
        arguments: [String],
        _ receive: (Line) -> Bool
    ) throws -> [String] {
        var workers: [(process: Process, output: FileHandle, stop: FileHandle)] = []
        for job in 0..<jobs where UInt64(job) < count {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            process.arguments =
                [
                    "work", "--from", "\(first + UInt64(job))", "--count", "\(count - UInt64(job))", "--stride",
                    "\(jobs)",
                ]
                + arguments
            // Sets and dictionaries in the order of their contents, not of their addresses.
            process.environment = ProcessInfo.processInfo.environment.merging(
                ["SWIFT_DETERMINISTIC_HASHING": "1"]
            ) { $1 }
            let (input, output) = (Pipe(), Pipe())
            process.standardInput = input
            process.standardOutput = output
            try process.run()
            workers.append((process, output.fileHandleForReading, input.fileHandleForWriting))
        }
        var latest = (0..<workers.count).map { job in first + UInt64(job) }
        let lines = AsyncLines(workers.map(\.output))
        while let text = lines.next() {
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(text.utf8)) else { continue }
            latest[Int(line.seed - first) % workers.count] = line.seed + UInt64(jobs)
            // A worker whose input has ended stops after its present seed.
            if !receive(line) { for worker in workers { try? worker.stop.close() } }
        }
        return workers.enumerated().compactMap { job, worker in
            worker.process.waitUntilExit()
            let status = worker.process.terminationStatus
            return status == 0 ? nil : "seed \(latest[job]): the process ends with status \(status)"
        }
    }
}
