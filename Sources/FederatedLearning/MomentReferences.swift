/// Where the moments of a job's server optimizer are kept: each is stored like an adapter.
package struct MomentReferences: Hashable, Sendable, Codable {
    package let first: AdapterReference
    /// `nil` for an optimizer that has none.
    package let second: AdapterReference?

    package init(first: AdapterReference, second: AdapterReference? = nil) {
        self.first = first
        self.second = second
    }
}
