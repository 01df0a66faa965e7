import Adapters
import FederatedLearning
package import Foundation
import Training

/// Loads what experiments need, and keeps it for the next run of a sweep where that needs the same.
package struct Workbench {
    private struct LoadedModel {
        let name: String
        let url: URL
        let digest: ContentDigest
        let model: BaseModel
    }

    private struct LoadedCorpus {
        let files: [String]
        let model: String
        let engine: TrainingEngine
    }

    private let folder: URL
    private let environment: [String: String]
    private let threads: Int?
    private var model: LoadedModel?
    private var corpus: LoadedCorpus?

    /// - Parameters:
    ///   - folder: The experiment's folder, from which relative paths start.
    ///   - environment: Says where the cache is.
    ///   - threads: How many threads compute; `nil` for all processors.
    package init(folder: URL, environment: [String: String], threads: Int?) {
        self.folder = folder
        self.environment = environment
        self.threads = threads
    }

    /// Deals the data of an experiment out to its clients.
    package func population(for experiment: Experiment) throws -> (population: Population, data: ExperimentData) {
        let data = try ExperimentData(for: experiment, besides: folder, environment: environment)
        let partition = try Partitioner.partition(
            data.input,
            by: experiment.partition,
            clients: experiment.clients,
            seed: experiment.job.seed
        )
        return (Population(partition: partition, experiment: experiment, seed: experiment.job.seed), data)
    }

    /// Loads model and data, and deals the data out.
    package mutating func world(for experiment: Experiment) async throws -> SimulationRun.World {
        let loaded = try await loadedModel(named: experiment.job.model)
        let initial = try InitialAdapter(for: experiment.job, model: loaded.url)
        // Before anything is computed: a partition that is not possible is found at once.
        let (population, data) = try population(for: experiment)
        let engine: TrainingEngine
        if let corpus, corpus.files == experiment.data.files, corpus.model == loaded.name {
            engine = corpus.engine
        } else {
            engine = TrainingEngine(
                model: loaded.model,
                corpus: try loaded.model.corpus(of: data.file),
                threads: threads
            )
            corpus = LoadedCorpus(files: experiment.data.files, model: loaded.name, engine: engine)
        }
        return SimulationRun.World(
            partition: population.partition,
            trainer: EngineTrainer(engine: engine, tasks: loaded.model.tasks),
            modelDigest: loaded.digest,
            initialAdapter: { try initial.make() }
        )
    }

    private mutating func loadedModel(named name: String) async throws -> LoadedModel {
        if let model, model.name == name { return model }
        let url = try ModelLocator(environment: environment).locate(name, besides: folder)
        let loaded = LoadedModel(
            name: name,
            url: url,
            digest: try await ModelDigest.of(directory: url),
            model: try BaseModel(BaseModelDirectory(reading: url))
        )
        model = loaded
        return loaded
    }
}
