import ArgumentParser
import FederatedLearning
import Foundation
import Simulation

/// Which experiment, and what of it is said otherwise.
struct ExperimentOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The experiment file.", valueName: "experiment.yaml"))
    var file: String

    @Option(
        name: .customLong("set"),
        parsing: .singleValue,
        help: ArgumentHelp(
            "Override a key, such as training.learning_rate=3e-4; a list of values makes a run of each.",
            valueName: "key=value"
        )
    )
    var overrides: [String] = []

    @Option(help: ArgumentHelp("Use this seed alone.", valueName: "number"))
    var seed: UInt64?

    var url: URL { URL(fileURLWithPath: file) }

    /// Reads the experiment, as one run or as a sweep.
    func sweep() throws -> ExperimentSweep {
        try ExperimentSweep(
            text: try JobFile.text(at: url),
            overrides: overrides.map { text throws(JobFileError) in try JobFileOverride(parsing: text) },
            seed: seed,
            folder: url.deletingLastPathComponent()
        )
    }
}
