/// One piece of work for one client: train or evaluate an adapter.
///
/// An order is idempotent: the server sends it again after any break, and a client that has already done it answers
/// with what it kept.
package struct WorkOrder: Hashable, Sendable, Codable {
    package enum Kind: String, Sendable, Codable, CaseIterable {
        case train
        case evaluate
    }

    /// Which round of which job, and which kind: unique for one client.
    package struct ID: Hashable, Sendable, Codable {
        package let job: JobID
        /// Counts from 1; 0 is the evaluation of the initial adapter.
        ///
        /// In asynchronous rounds orders to train have numbers of their own (``AsynchronousTask/number``); evaluations have
        /// that of the version.
        package let round: Int
        package let kind: Kind

        package init(job: JobID, round: Int, kind: Kind) {
            self.job = job
            self.round = round
            self.kind = kind
        }
    }

    package let id: ID
    /// What the client starts from, already cut to its rank when it is to train.
    package let adapter: AdapterReference
    package let assignment: Assignment

    package init(id: ID, adapter: AdapterReference, assignment: Assignment) {
        self.id = id
        self.adapter = adapter
        self.assignment = assignment
    }
}
