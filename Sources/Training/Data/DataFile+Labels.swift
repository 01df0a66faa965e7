import FederatedLearning

extension DataFile.Label? {
    /// Returns the label's place in `names`: a label counts as a name first, and only then as an index.
    ///
    /// - Parameters:
    ///   - names: The names, and their places.
    ///   - path: The file, for messages.
    ///   - line: Where the row stands in it.
    /// - Returns: The place, from 0.
    /// - Throws: ``TrainingError/unknownLabel(path:line:label:nearest:known:)``, or that the row has no label.
    func place(in names: LabelNames, path: String, line: Int) throws(TrainingError) -> Int32 {
        let text: String
        let index: Int?
        switch self {
        case .name(let name): (text, index) = (name, names.places[name] ?? Int(name))
        case .index(let number):
            // Classes may be called by numbers that are not their places, such as a rating's stars.
            let name = String(number)
            (text, index) = (name, names.places[name] ?? number)
        case nil: throw .unlabelled(path: path, line: line)
        }
        guard let index, names.all.indices.contains(index) else {
            throw .unknownLabel(
                path: path,
                line: line,
                label: text,
                nearest: NearestName.of(text, among: names.all),
                known: names.all
            )
        }
        return Int32(index)
    }
}

/// The names of a job's labels, with the place of each.
struct LabelNames {
    let all: [String]
    let places: [String: Int]

    init(_ names: [String]) {
        all = names
        places = Dictionary(zip(names, 0...), uniquingKeysWith: { first, _ in first })
    }
}
