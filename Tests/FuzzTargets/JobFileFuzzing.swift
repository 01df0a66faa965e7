import FederatedLearning

/// Reads the text of a job.
enum JobFileFuzzing {
    static func run(_ bytes: [UInt8]) {
        guard let job = try? JobFile.parse(bytes) else { return }
        precondition(job.rounds >= 1 && job.adapter.rank >= 1 && job.cohort.minimum >= 1, "a job that cannot run")
    }
}
