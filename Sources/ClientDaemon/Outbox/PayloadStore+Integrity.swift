package import Transport
package import WireProtocol

extension PayloadStore {
    /// Returns whether a stored payload still has the bytes that its digest names.
    ///
    /// A store verifies what it receives; this finds what a disk has done to it since.
    ///
    /// - Throws: `PayloadError.missing` when the payload is not here, or why it cannot be read.
    package func isIntact(_ digest: PayloadDigest) async throws -> Bool {
        try await openReader(of: digest, from: 0).digestOfRest() == digest
    }
}
