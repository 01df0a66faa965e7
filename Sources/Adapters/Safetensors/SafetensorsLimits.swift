/// How large a header may be before it is read.
///
/// What a header costs in memory and time follows from its length and its number of tensors, so these two bounds are
/// what a hostile file can cost.
package struct SafetensorsLimits: Sendable, Hashable {
    /// How long the header may be, in bytes.
    package var headerByteCount: Int
    package var tensorCount: Int
    package var dimensionCount: Int

    package init(headerByteCount: Int, tensorCount: Int, dimensionCount: Int = 32) {
        self.headerByteCount = headerByteCount
        self.tensorCount = tensorCount
        self.dimensionCount = dimensionCount
    }

    /// The format's own limit, for files that their user chose.
    package static let file = SafetensorsLimits(headerByteCount: 100_000_000, tensorCount: 1_000_000)

    /// Enough for an adapter of every linear layer of the largest open models; what peers may send.
    package static let payload = SafetensorsLimits(headerByteCount: 512 * 1024, tensorCount: 2048, dimensionCount: 8)
}
