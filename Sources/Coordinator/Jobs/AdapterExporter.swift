private import Adapters
private import Aggregation
package import FederatedLearning
package import Foundation

/// Writes a job's adapter where other programs can load it.
package struct AdapterExporter: Sendable {
    private let store: CoordinatorStore

    package init(store: CoordinatorStore) {
        self.store = store
    }

    /// Writes the adapter that a job's latest complete round left as a PEFT directory.
    ///
    /// - Parameters:
    ///   - job: The job; it may still be running.
    ///   - folder: The directory to write. An adapter that is there already is replaced, anything else is not.
    ///   - rank: The rank to which the adapter is cut; `nil` for everything that was learned.
    /// - Returns: The directory.
    /// - Throws: ``CoordinatorError/nothingToExport(_:)``, or why the directory cannot be written.
    package func export(_ job: JobID, to folder: URL, rank: Int?) async throws -> URL {
        let configuration = try await store.jobs.job(job).configuration
        guard let reference = try await store.runs.state(of: job).global else {
            throw CoordinatorError.nothingToExport(job)
        }
        let adapter = try await store.runs.adapter(reference).whole(atRank: rank)
        var peft =
            try configuration.adapter.start?.parsed()
            ?? PEFTConfiguration(
                rank: rank ?? reference.rank,
                alpha: reference.alpha,
                targetModules: .names(configuration.adapter.targetModules),
                usesRankStabilizedScaling: reference.usesRankStabilizedScaling,
                dropout: configuration.adapter.dropout,
                modulesToSave: configuration.adapter.modulesToSave,
                taskType: configuration.task.peftName
            )
        peft.baseModel = configuration.model
        let directory = PEFTDirectory(configuration: peft, adapter: adapter)
        try directory.write(to: folder, replacing: true)
        return folder.standardizedFileURL
    }
}

extension JobConfiguration.Task {
    /// What PEFT calls the task.
    fileprivate var peftName: String {
        switch self {
        case .sequenceClassification: "SEQ_CLS"
        case .causalLanguageModel: "CAUSAL_LM"
        }
    }
}
