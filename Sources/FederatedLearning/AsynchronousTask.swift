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
}
