package import FederatedLearning
package import Foundation
import Yams

/// The runs of an experiment: one, or one for every combination of values and seeds.
package struct ExperimentSweep {
    package struct Run: Sendable {
        /// What tells the run from the others, such as `learning_rate=0.001,seed=2`; `nil` for a single one.
        package let name: String?
        package let experiment: Experiment
        /// The text that describes it, which reads as the same experiment wherever it lies.
        package let text: String
    }

    /// How many runs a sweep has at most: more are a mistake.
    private static let limit = 1000

    /// The keys whose values are lists; a list of such lists makes a sweep.
    private static let listKeys: Set<String> = [
        "labels", "target_modules", "modules_to_save", "files", "ranks", "shares", "seeds", "devices",
    ]

    package let runs: [Run]

    /// Reads an experiment and its combinations.
    ///
    /// - Parameters:
    ///   - text: The YAML text.
    ///   - overrides: Values given elsewhere; of a list of values, each makes runs of its own.
    ///   - seed: The only seed; `nil` for the file's `seeds`, or its `seed`.
    ///   - folder: The file's folder, by which relative paths are made absolute.
    /// - Throws: ``JobFileError`` that names the key.
    package init(
        text: String,
        overrides: [JobFileOverride],
        seed: UInt64? = nil,
        folder: URL
    ) throws(JobFileError) {
        var combinations: [(names: [String], overrides: [JobFileOverride])] = [([], [])]
        func multiply(_ choices: [(name: String?, override: JobFileOverride)]) {
            combinations = combinations.flatMap { names, overrides in
                choices.map { (names + ($0.name.map { [$0] } ?? []), overrides + [$0.override]) }
            }
        }
        for override in overrides {
            let key = override.path.last ?? ""
            guard let values = override.value.sequence, values.count > 1,
                !Self.listKeys.contains(key) || values.allSatisfy({ $0.sequence != nil })
            else {
                multiply([(nil, override)])
                continue
            }
            multiply(
                values.map { ("\(key)=\(Self.plainText(of: $0))", JobFileOverride(path: override.path, value: $0)) }
            )
        }
        let first = try ExperimentFile.parse(text, overrides: combinations.first?.overrides ?? []).experiment
        let seeds = seed.map { [$0] } ?? first.seeds
        if !seeds.isEmpty {
            multiply(
                seeds.map {
                    (
                        seeds.count > 1 ? "seed=\($0)" : nil,
                        JobFileOverride(path: ["seed"], value: .scalar(.init(String($0), .implicit, .plain)))
                    )
                }
            )
        }
        guard combinations.count <= Self.limit else {
            throw .outOfRange(
                .init("seeds"),
                found: "part of a sweep of \(combinations.count) runs",
                allowed: "lists with at most \(Self.limit) combinations"
            )
        }
        var runs: [Run] = []
        for (names, overrides) in combinations {
            let fixed = try overrides + Self.anchors(of: text, overrides: overrides, folder: folder)
            let resolved = try ExperimentFile.parse(text, overrides: fixed)
            runs.append(
                Run(
                    name: names.isEmpty ? nil : names.joined(separator: ","),
                    experiment: resolved.experiment,
                    text: try resolved.text(without: ["seeds", "output"])
                )
            )
        }
        self.runs = runs
    }

    /// Makes absolute what is found from the experiment's folder on; what the cache has keeps its name.
    private static func anchors(
        of text: String,
        overrides: [JobFileOverride],
        folder: URL
    ) throws(JobFileError) -> [JobFileOverride] {
        let experiment = try ExperimentFile.parse(text, overrides: overrides).experiment
        func anchored(_ path: String) -> String? {
            let url = folder.appendingPathComponent(path).standardizedFileURL
            return !path.hasPrefix("/") && FileManager.default.fileExists(atPath: url.path) ? url.path : nil
        }
        var anchors: [JobFileOverride] = []
        if let model = anchored(experiment.job.model) {
            anchors.append(JobFileOverride(path: ["model"], value: Node(model)))
        }
        let files = experiment.data.files.map { anchored($0) ?? $0 }
        if files != experiment.data.files {
            anchors.append(
                JobFileOverride(path: ["data"], value: Node([(Node("files"), Node(files.map { Node($0) }))]))
            )
        }
        return anchors
    }

    /// A value as it can stand in a folder's name.
    private static func plainText(of node: Node) -> String {
        if let scalar = node.scalar { return scalar.string.replacing("/", with: "_") }
        if let sequence = node.sequence { return sequence.map(plainText).joined(separator: "+") }
        let pairs = node.mapping?.map { "\(plainText(of: $0.key))-\(plainText(of: $0.value))" } ?? []
        return pairs.joined(separator: "+")
    }
}
