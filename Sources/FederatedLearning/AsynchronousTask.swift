/// Work that one client was handed in asynchronous rounds.
package struct AsynchronousTask: Hashable, Sendable, Codable {
    /// Counts the tasks of the whole job from 1.
    ///
    /// It is the number of the client's order, so that a client which is handed the same version twice does not take it for
    /// the same work.
    package let number: Int
    /// v⁰, the version that the client trains from.
    package let version: Int
    /// That version, cut to the client's rank.
    package let adapter: AdapterReference

    package init(number: Int, version: Int, adapter: AdapterReference) {
        self.number = number
        self.version = version
        self.adapter = adapter
    }

    /// How many tasks a job will have had in the end, at the pace so far.
    ///
    /// The schedule of the learning rate runs over so many, so that a task is as far in the job as the version that it trains from,
    /// whatever becomes of other tasks.
    ///
    /// - Parameters:
    ///   - versions: How many steps the job takes.
    ///   - buffer: How many updates make one.
    /// - Returns: At least 1.
    func expectedCount(versions: Int, buffer: Int) -> Int {
        // Before the first step more may be handed out than it takes.
        guard version > 0 else { return versions * max(buffer, number) }
        return max(1, Int((Double(number - 1) / Double(version) * Double(versions)).rounded()))
    }
}
