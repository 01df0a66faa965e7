import Adapters
import FederatedLearning
package import Foundation
package import Training

/// The texts of an experiment, and what partitioners see of them.
package struct ExperimentData: Sendable {
    package let file: DataFile
    package let input: PartitionInput

    /// Reads the data files of an experiment.
    ///
    /// - Parameters:
    ///   - experiment: Names the files, the labels and the field by which they may be partitioned.
    ///   - folder: The experiment's folder, from which relative paths start.
    ///   - environment: Says where the cache is.
    /// - Throws: ``SimulationError``, or ``TrainingError`` that names file and line.
    package init(for experiment: Experiment, besides folder: URL, environment: [String: String]) throws {
        let cache = ModelLocator(environment: environment).cache.appendingPathComponent("data", isDirectory: true)
        let urls = try experiment.data.files.map { name throws(SimulationError) in
            try Self.locate(name, besides: folder, cache: cache)
        }
        let field = Self.fieldOfRows(in: experiment)
        let files = try urls.map { try DataFile(contentsOf: $0, keeping: field) }
        // Each file by itself, so that a message names the right one.
        let labels = try files.flatMap { try $0.places(ofLabelsIn: experiment.job.labels) }
        file = try DataFile(joining: files)
        let isHeldOut = file.isHeldOut()
        let rows = file.rows.indices
        let silos = try Self.silos(of: experiment, urls: urls, files: files)
        input = PartitionInput(
            labels: labels,
            labelNames: experiment.job.labels,
            fields: silos.fields,
            fieldValues: silos.values,
            trainingRows: rows.filter { !isHeldOut[$0] },
            heldOutRows: rows.filter { isHeldOut[$0] }
        )
    }

    /// Returns the first file among: an absolute path, a path from the experiment's folder on, and a name in the cache.
    static func locate(_ name: String, besides folder: URL, cache: URL) throws(SimulationError) -> URL {
        let candidates =
            name.hasPrefix("/")
            ? [URL(fileURLWithPath: name)]
            : [folder.appendingPathComponent(name), cache.appendingPathComponent(name)]
        let paths = candidates.map(\.standardizedFileURL)
        guard let found = paths.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            throw .dataNotFound(name: name, tried: paths.map(\.path))
        }
        return found
    }

    /// The field of the rows by which they are partitioned; `nil` where none is, or the rows' files tell silos apart.
    private static func fieldOfRows(in experiment: Experiment) -> String? {
        guard [.field, .domain].contains(experiment.partition.method), let name = experiment.partition.field,
            name != fileField
        else { return nil }
        return name
    }

    /// The field that is the name of each row's file.
    private static let fileField = "silo"

    /// The value of the partition's field in each row.
    private static func silos(
        of experiment: Experiment,
        urls: [URL],
        files: [DataFile]
    ) throws(SimulationError) -> (fields: [Int32], values: [String]) {
        guard [.field, .domain].contains(experiment.partition.method) else { return ([], []) }
        if fieldOfRows(in: experiment) != nil {
            let found = files.flatMap { $0.rows.map { $0.field ?? "" } }
            let values = Set(found).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            let places = Dictionary(uniqueKeysWithValues: zip(values, Int32(0)...))
            return (found.compactMap { places[$0] }, values)
        }
        let values = urls.map { $0.deletingPathExtension().lastPathComponent }
        guard values.count > 1, Set(values).count == values.count else {
            throw .invalidKey(
                key: "data.files",
                problem: "names \(values.count) files, whose names are to tell silos apart",
                remedy:
                    "List several files with different names, or write which field of the rows does as `partition.field`."
            )
        }
        let fields = files.enumerated().flatMap { [Int32](repeating: Int32($0), count: $1.rows.count) }
        return (fields, values)
    }
}
