import Adapters
import Aggregation
import FederatedLearning
import Foundation

/// The folder of one run, and the files in it.
struct RunFolder {
    private let url: URL

    init(_ url: URL) {
        self.url = url
    }

    /// Makes the folder ready.
    ///
    /// - Parameter experiment: The digest of the experiment's text.
    /// - Returns: The state that an interrupted run of the same experiment left; `nil` to start from the beginning.
    /// - Throws: ``SimulationError`` when the folder belongs to something else, or its saved state is damaged.
    func prepare(for experiment: ContentDigest) throws(SimulationError) -> Checkpoint? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        if let foreign = names.filter({ !Self.own.contains($0) }).min() {
            throw .folderInUse(path: url.path, reason: "holds '\(foreign)', which no run has written")
        }
        if let saved = try Checkpoint.read(in: url) {
            guard saved.experiment == experiment else {
                throw .folderInUse(path: url.path, reason: "holds an interrupted run of another experiment")
            }
            return saved
        }
        try create()
        do {
            // None of them may pass for this run's when it is ended before it has written its own.
            for name in ["summary.json", "adapter", RunReport.fileName] where names.contains(name) {
                try FileManager.default.removeItem(at: url.appendingPathComponent(name))
            }
        } catch {
            throw .cannotWrite(path: url.path, reason: error.localizedDescription)
        }
        return nil
    }

    /// What a finished run of the experiment with this text left; `nil` when none, another or an earlier version's did.
    func summary(ofFinished text: String) -> RunSummary? {
        func content(_ name: String) -> Data? { try? Data(contentsOf: url.appendingPathComponent(name)) }
        guard content(Checkpoint.fileName) == nil, content("experiment.yaml") == Data(text.utf8),
            let summary = content("summary.json").flatMap({ try? JSONDecoder().decode(RunSummary.self, from: $0) }),
            summary.version == Software.version
        else { return nil }
        return summary
    }

    /// Makes the folder where it is missing.
    func create() throws(SimulationError) {
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            throw .cannotWrite(path: url.path, reason: error.localizedDescription)
        }
    }

    /// What runs and reports write.
    private static let own: Set<String> = [
        "experiment.yaml", "rounds.csv", "clients.csv", "partition.csv", "summary.json", "adapter",
        RunReport.fileName, "plots", "data", Checkpoint.fileName,
    ]

    func writeExperiment(_ text: String) throws(SimulationError) {
        try write(text, to: "experiment.yaml")
    }

    func writePartition(of population: Population) throws(SimulationError) {
        try write(PartitionTable(population).csv, to: "partition.csv")
    }

    func write(_ summary: RunSummary) throws(SimulationError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let text = (try? encoder.encode(summary)).map({ String(decoding: $0, as: UTF8.self) }) else {
            throw .cannotWrite(path: url.path, reason: "a figure of the summary is not finite")
        }
        try write(text + "\n", to: "summary.json")
    }

    /// Writes the global adapter as a directory that PEFT loads.
    func writeAdapter(
        _ adapter: LoRAAdapter,
        reference: AdapterReference,
        job: JobConfiguration
    ) throws {
        let directory = PEFTDirectory(
            configuration: PEFTConfiguration(
                rank: reference.rank,
                alpha: reference.alpha,
                targetModules: .names(job.adapter.targetModules),
                usesRankStabilizedScaling: reference.usesRankStabilizedScaling,
                dropout: job.adapter.dropout,
                modulesToSave: job.adapter.modulesToSave,
                taskType: job.task == .causalLanguageModel ? "CAUSAL_LM" : "SEQ_CLS",
                baseModel: job.model
            ),
            adapter: try adapter.whole(atRank: nil)
        )
        try directory.write(to: url.appendingPathComponent("adapter", isDirectory: true), replacing: true)
    }

    func removeCheckpoint() throws(SimulationError) {
        let file = url.appendingPathComponent(Checkpoint.fileName)
        guard FileManager.default.fileExists(atPath: file.path) else { return }
        do {
            try FileManager.default.removeItem(at: file)
        } catch {
            throw .cannotWrite(path: file.path, reason: error.localizedDescription)
        }
    }

    private func write(_ text: String, to name: String) throws(SimulationError) {
        let file = url.appendingPathComponent(name)
        do {
            try Data(text.utf8).write(to: file, options: .atomic)
        } catch {
            throw .cannotWrite(path: file.path, reason: error.localizedDescription)
        }
    }
}
