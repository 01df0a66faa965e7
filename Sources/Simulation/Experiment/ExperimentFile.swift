package import FederatedLearning
package import Foundation
internal import Yams

/// Reads the YAML file that describes an experiment: a job, and beside its keys those of ``Experiment``.
///
/// As strict as ``JobFile``: a key that no experiment has is an error that names its line and the key that was meant.
package enum ExperimentFile {
    /// Reads the experiment file at `url`.
    package static func read(
        at url: URL,
        overrides: [JobFileOverride] = []
    ) throws(JobFileError) -> ResolvedExperiment {
        try parse(JobFile.text(at: url), overrides: overrides)
    }

    /// Reads the text of an experiment file.
    ///
    /// - Parameters:
    ///   - text: The YAML text.
    ///   - overrides: Values that take the place of the file's.
    /// - Returns: The experiment, and the text that describes it with the overrides in place.
    /// - Throws: ``JobFileError`` that names the key and says what to write.
    package static func parse(
        _ text: String,
        overrides: [JobFileOverride] = []
    ) throws(JobFileError) -> ResolvedExperiment {
        let file = try ExtendedJobFile<ExperimentKey>(parsing: text, overrides: overrides)
        let section = try file.section(paths: paths)
        let job = try file.job()
        let partition = try partition(of: section)
        let experiment = Experiment(
            job: job,
            clients: try clients(of: section, partition: partition, job: job),
            data: try data(of: section),
            partition: partition,
            ranks: try ranks(of: section, job: job),
            devices: try devices(of: section),
            availability: try availability(of: section),
            output: try section.text(.output, atMost: 4096),
            seeds: try seeds(of: section),
            checkpointEvery: try inner(.checkpoint, of: section, keys: CheckpointKey.self)?
                .integer(.every, in: 1...100_000) ?? 1
        )
        if experiment.ranks.distribution == .device, !experiment.devices.contains(where: { $0.maximumRank != nil }) {
            throw .contradiction(
                section.place(.ranks),
                problem: "asks for each device's `maximum_rank`, and no device has one",
                remedy: "Add `maximum_rank` to `devices`, or write another distribution."
            )
        }
        return ResolvedExperiment(experiment: experiment, file: file)
    }

    /// The full paths of the keys beside a job's.
    static let paths: [String] =
        ExperimentKey.allCases.map(\.rawValue)
        + paths(of: DataKey.self, under: .data) + paths(of: PartitionKey.self, under: .partition)
        + paths(of: RankKey.self, under: .ranks) + paths(of: DeviceKey.self, under: .devices)
        + paths(of: AvailabilityKey.self, under: .availability) + paths(of: CheckpointKey.self, under: .checkpoint)

    private static func paths<Key: JobFileKey>(of keys: Key.Type, under section: ExperimentKey) -> [String] {
        Key.allCases.map { "\(section.rawValue).\($0.rawValue)" }
    }

    static func inner<Key: JobFileKey>(
        _ key: ExperimentKey,
        of section: JobFileSection<ExperimentKey>,
        keys: Key.Type
    ) throws(JobFileError) -> JobFileSection<Key>? {
        guard let node = try section.node(key) else { return nil }
        return try JobFileSection(node, at: section.place(key), elsewhere: paths)
    }
}

/// An experiment with the text that describes it.
package struct ResolvedExperiment {
    package let experiment: Experiment
    private let file: ExtendedJobFile<ExperimentKey>

    init(experiment: Experiment, file: ExtendedJobFile<ExperimentKey>) {
        self.experiment = experiment
        self.file = file
    }

    /// Writes the experiment down, with the overrides in place.
    ///
    /// - Parameter keys: Keys at the top that are left out.
    /// - Returns: A YAML text that reads as the same experiment.
    /// - Throws: ``JobFileError`` when the document cannot be written as YAML.
    package func text(without keys: Set<String> = []) throws(JobFileError) -> String { try file.text(without: keys) }
}
