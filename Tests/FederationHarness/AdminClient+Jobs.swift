package import Coordinator
package import FederatedLearning
private import Foundation

extension AdminClient {
    /// Submits a job on the tiny model.
    package func submit(
        rounds: Int,
        clients: Int,
        minimum: Int,
        rank: Int = 8,
        adapter: String? = nil,
        deadline: String = "1m",
        strategy: String = "{name: flexlora, mode: delta}",
        training: String = "learning_rate: 1.0e-2",
        section: String = "evaluation: {every: 1}"
    ) async throws -> JobID {
        let adapter =
            adapter ?? "{r: \(rank), lora_alpha: 16, target_modules: [query, value], modules_to_save: [classifier]}"
        return try await submit(
            JobSubmission(
                yaml: """
                    name: end-to-end
                    model: tiny-bert
                    task: sequence-classification
                    labels: [bad, good]
                    adapter: \(adapter)
                    strategy: \(strategy)
                    rounds: \(rounds)
                    cohort: {size: \(clients), minimum: \(minimum), deadline: \(deadline)}
                    training: {epochs: 1, batch_size: 4, max_length: 16, \(training)}
                    \(section)
                    seed: 7
                    """,
                modelPath: TinyModel.directory.path,
                modelDigest: ModelDigest.of(directory: TinyModel.directory)
            )
        )
    }

    /// Waits until a job is over.
    package func outcome(of job: JobID) async throws -> JobReport {
        for try await event in events(of: job) {
            if case .phase(let report) = event, report.summary.phase.isFinal { return report }
        }
        throw Federation.Failure(text: "The server ended before the job was over.")
    }
}
