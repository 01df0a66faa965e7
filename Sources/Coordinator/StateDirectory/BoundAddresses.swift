/// Where a running server's listeners ended up: the content of `run.json`.
package struct BoundAddresses: Hashable, Sendable, Codable {
    package let federation: ListenAddress
    package let enrolment: ListenAddress
    package let admin: ListenAddress
    /// The server's process.
    package let process: Int32

    package init(federation: ListenAddress, enrolment: ListenAddress, admin: ListenAddress, process: Int32) {
        self.federation = federation
        self.enrolment = enrolment
        self.admin = admin
        self.process = process
    }
}
