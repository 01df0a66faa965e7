/// A chunk of which something has come, and not yet all.
///
/// On a slow line a chunk takes longer than anybody may be silent. Whoever keeps time asks how far it is.
package struct BegunChunk: Sendable, Hashable {
    /// The payload that it is a piece of.
    package let digest: PayloadDigest
    /// How many bytes of its frame have come.
    package let byteCount: Int

    package init(digest: PayloadDigest, byteCount: Int) {
        self.digest = digest
        self.byteCount = byteCount
    }
}
