package import Yams

/// A value given elsewhere for one key of a job file: `training.learning_rate=3e-4`.
package struct JobFileOverride: Equatable {
    /// The names from the top of the file to the key.
    package let path: [String]
    package let value: Node

    package init(path: [String], value: Node) {
        self.path = path
        self.value = value
    }

    /// Reads `key.path=value`, the value as YAML.
    ///
    /// - Throws: ``JobFileError`` when the text is of another form.
    package init(parsing text: String) throws(JobFileError) {
        let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let path = halves[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard halves.count == 2, path.allSatisfy({ !$0.isEmpty }) else {
            throw .malformedOverride(text)
        }
        self.init(path: path, value: try JobFile.compose(String(halves[1])))
    }

    /// Returns `root` with the value in its place; sections on the way are made where they are missing.
    func applied(to root: Node) throws(JobFileError) -> Node {
        try replacing(path[...], in: root)
    }

    private func replacing(_ rest: ArraySlice<String>, in node: Node) throws(JobFileError) -> Node {
        guard let name = rest.first else { return value }
        guard case .mapping(let mapping) = node else {
            let place = path.prefix(path.count - rest.count).joined(separator: ".")
            throw .contradiction(
                .init(place, line: node.mark?.line),
                problem: "holds no keys, so `\(path.joined(separator: "."))` cannot be set",
                remedy: "Set `\(place)` itself."
            )
        }
        var pairs = mapping.map { ($0.key, $0.value) }
        let index = pairs.firstIndex { $0.0.scalar?.string == name }
        let former = index.map { pairs[$0].1 } ?? .mapping(.init([]))
        // A new key, too: a message must not point at a line whose value does not count.
        let pair = (Node(name), try replacing(rest.dropFirst(), in: former))
        if let index { pairs[index] = pair } else { pairs.append(pair) }
        return .mapping(.init(pairs, mapping.tag, mapping.style))
    }
}
