/// How the rows are dealt out to the clients.
package struct PartitionSettings: Hashable, Sendable {
    package enum Method: String, Sendable, CaseIterable {
        /// Everybody has the same share of everything.
        case iid
        /// Each label is divided by proportions of its own (Hsu et al., 2019).
        case dirichlet
        /// Each client has a mixture of labels of its own (Yurochkin et al., 2019).
        case mixture
        /// Rows sorted by label are cut into shards, a few a client (McMahan et al., 2017).
        case shards
        /// Each client has so many labels (Li et al., 2022).
        case classes
        /// Sizes differ, labels do not.
        case quantity
        /// Each value of a field is one silo.
        case field
        /// Each client has texts of one value of a field, which several clients share.
        case domain
        /// Each client draws rows of its own, with replacement: for more clients than there are rows.
        case draw
    }

    package var method: Method
    /// The concentration of `dirichlet`, `mixture`, `quantity`, and, where given, of `draw`.
    package var alpha: Double?
    /// How many training rows each client has to have.
    package var minimum: Int
    /// Whether `dirichlet` gives nothing more to clients that have their share already.
    package var balance: Bool
    package var classesPerClient: Int
    package var shardsPerClient: Int
    /// The field of `field` and `domain`; with several files, `silo` is the name of the file.
    package var field: String?
    /// How many training rows `draw` gives each client.
    package var examples: Int
    /// How many held-out rows `draw` gives each client.
    package var heldOut: Int
    /// Decides the partition; `nil` for the job's seed.
    package var seed: UInt64?

    package init(
        method: Method = .iid,
        alpha: Double? = nil,
        minimum: Int? = nil,
        balance: Bool = true,
        classesPerClient: Int = 2,
        shardsPerClient: Int = 2,
        field: String? = nil,
        examples: Int = 50,
        heldOut: Int = 10,
        seed: UInt64? = nil
    ) {
        self.method = method
        self.alpha = alpha
        self.minimum = minimum ?? Self.usualMinimum(of: method)
        self.balance = balance
        self.classesPerClient = classesPerClient
        self.shardsPerClient = shardsPerClient
        self.field = field
        self.examples = examples
        self.heldOut = heldOut
        self.seed = seed
    }

    /// 10 where published procedures draw again until every client has so many, and 1 elsewhere.
    private static func usualMinimum(of method: Method) -> Int {
        switch method {
        case .dirichlet, .quantity: 10
        case .iid, .mixture, .shards, .classes, .field, .domain, .draw: 1
        }
    }
}
