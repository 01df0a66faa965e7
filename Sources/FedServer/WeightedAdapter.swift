import ArgumentParser
import Foundation

/// `ADAPTER[=WEIGHT]`: a PEFT directory and how much it counts.
struct WeightedAdapter {
    let path: String
    let weight: Double

    var directory: URL { URL(fileURLWithPath: path, isDirectory: true) }

    /// Splits at the last `=`, unless a directory has the whole argument for its name.
    ///
    /// - Throws: `ValidationError` when what follows is no finite number, or a negative one where none is allowed.
    init(parsing argument: String, allowsNegative: Bool = false) throws {
        guard let separator = argument.lastIndex(of: "="), !FileManager.default.fileExists(atPath: argument) else {
            self.path = argument
            self.weight = 1
            return
        }
        let text = argument[argument.index(after: separator)...]
        self.path = String(argument[..<separator])
        guard let weight = Double(text) else {
            throw ValidationError("'\(text)' is no weight. Write ADAPTER=WEIGHT with a number, such as berlin=1200.")
        }
        guard weight.isFinite, allowsNegative || weight >= 0 else {
            throw ValidationError(
                "The weight of '\(path)' is \(text). Weights are finite numbers\(allowsNegative ? "" : " of at least 0")."
            )
        }
        self.weight = weight
    }
}
