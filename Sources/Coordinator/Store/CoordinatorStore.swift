package import Transport

/// The parts of one state directory's memory, over one database and one payload folder.
package struct CoordinatorStore: Sendable {
    package let jobs: JobCatalogue
    package let clients: ClientDirectory
    package let audit: AuditLog
    package let runs: SQLiteRunStore
    package let payloads: AdapterPayloads
    /// Tells of changes that this process makes.
    package let feed: JobFeed

    package init(database: CoordinatorDatabase, payloads: PayloadStore) {
        self.jobs = JobCatalogue(database: database)
        self.clients = ClientDirectory(database: database)
        self.audit = AuditLog(database: database)
        self.payloads = AdapterPayloads(store: payloads)
        self.feed = JobFeed()
        self.runs = SQLiteRunStore(database: database, payloads: self.payloads, feed: feed)
    }
}
