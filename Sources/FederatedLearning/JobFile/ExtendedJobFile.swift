package import Yams

/// A job file with keys of another program beside the job's: an experiment is a job and a simulated world.
///
/// It is read as strictly as ``JobFile`` reads a job, and a misspelt key is compared with the keys of both.
package struct ExtendedJobFile<Key: JobFileKey> {
    /// The whole document, overrides included.
    package let root: Node

    /// Reads the text of a file.
    ///
    /// - Parameters:
    ///   - text: The YAML text.
    ///   - overrides: Values that take the place of the file's, the last of several for one key counting.
    /// - Throws: ``JobFileError`` when the text is no mapping, or an override goes through a value that is none.
    package init(parsing text: String, overrides: [JobFileOverride] = []) throws(JobFileError) {
        guard text.utf8.count <= JobFile.byteLimit else {
            throw .tooLarge(bytes: text.utf8.count, limit: JobFile.byteLimit)
        }
        var root = try JobFile.compose(text)
        if let text = root.scalar?.string, text.isEmpty { throw .empty }
        for override in overrides { root = try override.applied(to: root) }
        self.root = root
    }

    /// Reads the job in it.
    package func job() throws(JobFileError) -> JobConfiguration {
        try JobFile.configuration(of: part { JobKey(rawValue: $0) != nil })
    }

    /// Reads the keys beside the job.
    ///
    /// - Parameter paths: The full paths of all of them, to say where a misplaced key belongs.
    /// - Returns: The section of those keys, at the top of the document.
    /// - Throws: ``JobFileError/unknownKey(_:meant:known:)`` for a key that neither knows.
    package func section(paths: [String]) throws(JobFileError) -> JobFileSection<Key> {
        try JobFileSection<Key>(
            part { JobKey(rawValue: $0) == nil },
            at: .init(""),
            elsewhere: paths + JobFile.paths,
            beside: JobKey.allCases.map(\.rawValue)
        )
    }

    /// Writes the document down.
    ///
    /// - Parameter keys: Keys at the top that are left out.
    /// - Returns: A YAML text that reads as the same document.
    /// - Throws: ``JobFileError`` when it cannot be written as YAML.
    package func text(without keys: Set<String> = []) throws(JobFileError) -> String {
        do {
            return try Yams.serialize(node: part { !keys.contains($0) }, width: 120, sortKeys: false)
        } catch {
            throw .notYAML(line: nil, problem: "\(error)")
        }
    }

    /// The document without the keys that are somebody else's; what is no mapping stays, and is refused by its reader.
    private func part(_ isIncluded: (String) -> Bool) -> Node {
        guard case .mapping(let mapping) = root else { return root }
        let pairs = mapping.filter { key, _ in key.scalar.map { isIncluded($0.string) } ?? !isIncluded("") }
        return .mapping(.init(pairs.map { ($0.key, $0.value) }, mapping.tag, mapping.style))
    }
}
