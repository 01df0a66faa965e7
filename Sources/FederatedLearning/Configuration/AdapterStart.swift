package import Adapters
internal import Aggregation
package import Foundation

/// The PEFT directory that a job starts from, as in its `adapter.start`: an adapter of another kind than LoRA.
///
/// Nothing here knows how to make one; PEFT does. Its tensors are the first that the job hands out, and its
/// `adapter_config.json` goes to every trainer as it is.
package struct AdapterStart: Hashable, Sendable, Codable {
    /// The longest `adapter_config.json` that a job carries; they have a kilobyte.
    package static let longestConfiguration = 64 << 10

    /// Where it lies on the server; empty on clients.
    package var path: String
    /// The content of its `adapter_config.json`, without the path of a base model; empty until it was read.
    package var configuration: String

    package init(path: String = "", configuration: String = "") {
        self.path = path
        self.configuration = configuration
    }

    /// What the configuration says.
    ///
    /// - Throws: `AdapterError` for a text that is none of another kind than LoRA.
    package func parsed() throws(AdapterError) -> PEFTConfiguration {
        try PEFTConfiguration(ofOtherKind: configuration, path: PEFTDirectory.configurationFileName)
    }
}

extension JobConfiguration {
    /// Checks that what a job asks for means something for adapters without low-rank factors.
    ///
    /// - Throws: `AggregationError.unsuitableSetting` with the key that does not.
    func checkStart() throws(AggregationError) {
        guard adapter.start != nil else { return }
        let profile = try aggregationPlan().strategy.profile
        guard !profile.needsFactors else {
            throw .unsuitableSetting(
                key: "strategy.name",
                problem: """
                    is '\(profile.name)', which computes with the factors of LoRA, and what `adapter.start` names has none
                    """,
                remedy: "Write `name: fedavg`, which averages tensors by name."
            )
        }
        let problem: (key: String, problem: String)? =
            if asynchronous != nil {
                ("asynchronous", "adds up changes of LoRA's factors, and what `adapter.start` names has none")
            } else if training.loraPlusRatio != 1 {
                ("training.loraplus_lr_ratio", "is for LoRA's factor B, and what `adapter.start` names has none")
            } else if training.usesControlVariates {
                ("training.scaffold", "corrects LoRA's factors and heads, and what `adapter.start` names is neither")
            } else if privacy?.mechanism == .exampleLevel {
                ("privacy.mechanism", "is `example-level`, which the native trainer alone can do, and that trains LoRA")
            } else {
                nil
            }
        if let problem {
            throw .unsuitableSetting(key: problem.key, problem: problem.problem, remedy: "Remove it.")
        }
    }

    /// Reads the directory that the job starts from, where it names one, and checks that the job can do something with it.
    ///
    /// - Parameter folder: From where a relative path goes.
    /// - Returns: The start with its configuration, and the adapter; `nil` for a job that starts from fresh LoRA factors.
    /// - Throws: `AdapterError` about the directory, ``FederatedLearningError/startChanged(path:)``, and
    ///   `AggregationError.unsuitableSetting`.
    package func readStart(besides folder: URL) throws -> (start: AdapterStart, adapter: LoRAAdapter)? {
        guard let start = adapter.start else { return nil }
        let url = URL(fileURLWithPath: start.path, isDirectory: true, relativeTo: folder).standardizedFileURL
        var directory = try PEFTDirectory(reading: url, kinds: AdapterKind.named)
        // A path of the server's machine is no silo's business.
        directory.configuration.baseModel = nil
        let text = directory.configuration.text
        guard start.configuration.isEmpty || start.configuration == text else {
            throw FederatedLearningError.startChanged(path: url.path)
        }
        guard text.utf8.count <= AdapterStart.longestConfiguration else {
            throw AdapterError.unsupported(
                feature: "a configuration of \(text.utf8.count) bytes",
                path: url.path,
                advice: "A job carries at most \(AdapterStart.longestConfiguration): name modules by an expression."
            )
        }
        let kind = directory.configuration.kind
        if privacy != nil, let frozen = directory.adapter.savedTensors.keys.filter(kind.isFrozen).min() {
            throw AggregationError.unsuitableSetting(
                key: "adapter.start",
                problem: "brings '\(frozen)' along, which nobody trains, and `privacy` would add noise to it",
                remedy: "Save the adapter with `save_projection=False`."
            )
        }
        try AdapterRequirements(likeness: directory.adapter, rank: 1, scaling: 1)
            .check(directory.adapter, source: url.path)
        return (AdapterStart(path: url.path, configuration: text), directory.adapter)
    }
}
