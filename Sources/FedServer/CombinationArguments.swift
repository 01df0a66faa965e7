import ArgumentParser
import Foundation

/// The adapters that a command makes one of, and where that goes.
struct CombinationArguments: ParsableArguments {
    @Option(help: "The directory to write, which must not exist or be empty.", completion: .directory)
    var out: String

    @Argument(
        help: ArgumentHelp("PEFT directories, each with how much it counts (1).", valueName: "adapter[=weight]"),
        completion: .directory
    )
    var adapters: [String]

    /// The directory to write.
    var target: URL { URL(fileURLWithPath: out, isDirectory: true) }

    /// Returns the adapters with their weights.
    ///
    /// - Throws: `ValidationError` for a weight that is none, or a negative one where none is allowed.
    func weighted(allowsNegative: Bool = false) throws -> [WeightedAdapter] {
        try adapters.map { try WeightedAdapter(parsing: $0, allowsNegative: allowsNegative) }
    }
}
