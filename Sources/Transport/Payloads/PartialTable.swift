import Synchronization

/// Which partial files each sender has, so that none has more than a few.
final class PartialTable: Sendable {
    /// File names by sender, the one that was begun first at the front.
    private let names: Mutex<[String: [String]]>

    /// Takes note of what an earlier process left, in an order that does not depend on the file system.
    init(names: [String]) {
        var bySender: [String: [String]] = [:]
        for name in names.sorted() {
            guard let dot = name.firstIndex(of: ".") else { continue }
            bySender[String(name[name.index(after: dot)...]), default: []].append(name)
        }
        self.names = Mutex(bySender)
    }

    /// Records that `sender` begins or resumes the file called `name`.
    ///
    /// - Parameters:
    ///   - name: The file.
    ///   - sender: Whose it is.
    ///   - exists: Whether a file is still there; what was finished counts no more.
    /// - Returns: The names of the sender's files that have to go.
    func begin(_ name: String, from sender: String, exists: (String) -> Bool) -> [String] {
        names.withLock { names in
            var own = names[sender, default: []]
            own.removeAll { $0 == name }
            if own.count >= PayloadStore.partialsPerSender { own = own.filter(exists) }
            own.append(name)
            let excess = own.prefix(max(0, own.count - PayloadStore.partialsPerSender))
            names[sender] = Array(own.dropFirst(excess.count))
            return Array(excess)
        }
    }
}
