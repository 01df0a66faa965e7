/// How the parameters of a task model are called in a file of weights.
///
/// A task model holds the encoder or decoder as a module with a name of its own (`bert`, `model`, …), which files of
/// that module alone leave out. So `bert.encoder.layer.0.attention.self.query` is looked for whole and without its
/// first part, and last as the end of one longer name, for adapters that were trained on the inner module.
struct BaseModelNames {
    private let weights: BaseModelWeights
    /// What the files leave out, with a point after it; empty where they do not.
    let missingPrefix: String

    /// - Parameters:
    ///   - weights: The files.
    ///   - paths: The paths of the adapted modules, which say what the files leave out.
    init(_ weights: BaseModelWeights, adapting paths: some Sequence<String>) {
        self.weights = weights
        let known = Set(weights.names)
        var prefixes: Set<String> = []
        for path in paths where !known.contains("\(path).weight") {
            guard let point = path.firstIndex(of: ".") else { continue }
            let rest = path[path.index(after: point)...]
            if known.contains("\(rest).weight") { prefixes.insert(String(path[...point])) }
        }
        self.missingPrefix = prefixes.count == 1 ? prefixes.first ?? "" : ""
    }

    /// Returns the stored name of a parameter, or `nil` when there is none.
    func storedName(of parameter: String) -> String? {
        if weights.tensor(parameter) != nil { return parameter }
        if !missingPrefix.isEmpty, parameter.hasPrefix(missingPrefix) {
            let rest = String(parameter.dropFirst(missingPrefix.count))
            if weights.tensor(rest) != nil { return rest }
        }
        let longer = weights.names.filter { $0.hasSuffix(".\(parameter)") }
        return longer.count == 1 ? longer.first : nil
    }
}
